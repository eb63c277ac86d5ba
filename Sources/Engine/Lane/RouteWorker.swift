/// Everything that delivering for one route takes, made once when the module is loaded.
///
/// A class, because it goes through every delivery's hands and has dozens of references inside.
final class RouteWorker: Sendable {
  let key: Int64
  let module: String
  /// Where scripts of the module run.
  let root: String
  let route: RouteDefinition
  let connector: any ActorConnector
  let transforms: [(step: TransformStep, transform: any Transform)]
  let template: CompiledTemplate

  init(
    key: Int64, module: ModuleDefinition, route: RouteDefinition,
    connector: any ActorConnector, transforms: [(step: TransformStep, transform: any Transform)]
  ) {
    self.key = key
    self.module = module.name
    root = module.root
    self.route = route
    self.connector = connector
    self.transforms = transforms
    template = CompiledTemplate(route.config)
  }
}
