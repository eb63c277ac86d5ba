import Store

/// Everything that delivering for one route takes, made when the module is loaded and again when
/// the route changes.
///
/// A class, because it goes through every delivery's hands and has dozens of references inside.
final class RouteWorker: Sendable {
  let key: Int64
  let module: String
  /// Where scripts of the module run.
  let root: String
  let route: RouteDefinition
  let actor: ActorHandle
  let transforms: [(step: TransformStep, transform: any Transform)]
  let template: CompiledTemplate
  /// Breakers as they were when this was made, of the route and of its lane.
  let breakers: [BreakerRow]
  /// As ``RateLimiter/fullAtMs`` of the lane was then.
  let rateFullAtMs: Double?

  init(
    key: Int64, module: ModuleDefinition, route: RouteDefinition, actor: ActorHandle,
    transforms: [(step: TransformStep, transform: any Transform)], breakers: [BreakerRow] = [],
    rateFullAtMs: Double? = nil
  ) {
    self.rateFullAtMs = rateFullAtMs
    self.breakers = breakers
    self.key = key
    self.module = module.name
    root = module.root
    self.route = route
    self.actor = actor
    self.transforms = transforms
    template = CompiledTemplate(route.config)
  }

  /// What holds for the whole queue: the route's own, or its actor's. Nil when the actor is not
  /// there.
  var lanePolicy: DeliveryPolicy? {
    route.hasOwnLane ? route.delivery : actor.definition?.delivery
  }
}
