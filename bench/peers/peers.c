// One client for all queues of peers.sh: PRODUCERS threads that each send a message of SIZE bytes and
// wait until it is durable, CONSUMERS threads that take and acknowledge, until all of them are gone.
//
//   peers redis|beanstalkd|postgresql|rabbitmq|orgloop PORT MESSAGES [PRODUCERS [CONSUMERS]]
//
// Prints one line: messages per second from the first send to the last acknowledgement, and the p50
// and p99 of a send in milliseconds. For orgloop the consumers are its own; the last acknowledgement
// is seen in its database, which DATABASE names.
#include <arpa/inet.h>
#include <errno.h>
#include <libpq-fe.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <amqp.h>
#include <amqp_tcp_socket.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { SIZE = 1024, BATCH = 100 };

static const char *kind;
static int port, messages, producers = 64, consumers = 8;
static atomic_int claimed, acknowledged;
static char payload[SIZE + 1];
static float *latencies;

static void die(const char *format, ...) {
  va_list list;
  va_start(list, format);
  fprintf(stderr, "peers: %s: ", kind);
  vfprintf(stderr, format, list);
  fprintf(stderr, "\n");
  exit(1);
}

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec / 1e9;
}

// A line protocol over TCP.
struct line {
  int fd;
  size_t begin, end;
  char buffer[1 << 18];
};

static struct line *line_open(void) {
  struct line *line = calloc(1, sizeof *line);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
  inet_pton(AF_INET, "127.0.0.1", &address.sin_addr);
  line->fd = socket(AF_INET, SOCK_STREAM, 0);
  int one = 1;
  setsockopt(line->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  if (connect(line->fd, (struct sockaddr *)&address, sizeof address)) die("connect: %s", strerror(errno));
  return line;
}

static void line_send(struct line *line, const char *bytes, size_t count) {
  while (count > 0) {
    ssize_t sent = write(line->fd, bytes, count);
    if (sent <= 0) die("write: %s", strerror(errno));
    bytes += sent;
    count -= sent;
  }
}

static void line_fill(struct line *line) {
  if (line->begin > 0) {
    memmove(line->buffer, line->buffer + line->begin, line->end - line->begin);
    line->end -= line->begin;
    line->begin = 0;
  }
  if (line->end == sizeof line->buffer) die("an answer is too long");
  ssize_t got = read(line->fd, line->buffer + line->end, sizeof line->buffer - line->end);
  if (got <= 0) die("read: %s", got ? strerror(errno) : "closed");
  line->end += got;
}

// The next line without its CRLF; good until the next read.
static char *line_read(struct line *line) {
  size_t seen = line->begin;
  for (;;) {
    char *end = memmem(line->buffer + seen, line->end - seen, "\r\n", 2);
    if (end) {
      char *start = line->buffer + line->begin;
      *end = 0;
      line->begin = end + 2 - line->buffer;
      return start;
    }
    size_t offset = line->end - line->begin;
    line_fill(line);
    seen = line->begin + (offset > 0 ? offset - 1 : 0);
  }
}

static char *line_bytes(struct line *line, size_t count) {
  while (line->end - line->begin < count) line_fill(line);
  char *start = line->buffer + line->begin;
  line->begin += count;
  return start;
}

// Redis: a stream with a group.

static void redis_ok(struct line *line) {
  char *answer = line_read(line);
  if (*answer == '-') die("%s", answer);
  if (*answer == '$' && atoi(answer + 1) >= 0) line_bytes(line, atoi(answer + 1) + 2);
}

static void redis_set_up(void) {
  struct line *line = line_open();
  const char *make = "XGROUP CREATE s g $ MKSTREAM\r\n";
  line_send(line, make, strlen(make));
  redis_ok(line);
}

static void redis_produce(struct line *line) {
  static const char head[] = "*5\r\n$4\r\nXADD\r\n$1\r\ns\r\n$1\r\n*\r\n$1\r\np\r\n$1024\r\n";
  char request[sizeof head + SIZE + 2];
  memcpy(request, head, sizeof head - 1);
  memcpy(request + sizeof head - 1, payload, SIZE);
  memcpy(request + sizeof head - 1 + SIZE, "\r\n", 2);
  line_send(line, request, sizeof head - 1 + SIZE + 2);
  redis_ok(line);
}

// Reads an array of any depth; keeps the ids of entries, which are the strings with a hyphen.
static int redis_entries(struct line *line, char ids[][32], int count) {
  char *answer = line_read(line);
  if (*answer == '-') die("%s", answer);
  int number = atoi(answer + 1);
  if (*answer == '*') {
    for (int i = 0; i < number; i++) count = redis_entries(line, ids, count);
  } else if (*answer == '$' && number >= 0) {
    char *text = line_bytes(line, number + 2);
    if (number < 32 && memchr(text, '-', number)) {
      memcpy(ids[count], text, number);
      ids[count++][number] = 0;
    }
  }
  return count;
}

static int redis_consume(struct line *line, int me) {
  char ids[BATCH][32], request[BATCH * 48 + 128];
  int length = sprintf(request, "XREADGROUP GROUP g c%d COUNT %d BLOCK 200 STREAMS s >\r\n", me, BATCH);
  line_send(line, request, length);
  int count = redis_entries(line, ids, 0);
  if (count == 0) return 0;
  length = sprintf(request, "XACK s g");
  for (int i = 0; i < count; i++) length += sprintf(request + length, " %s", ids[i]);
  length += sprintf(request + length, "\r\n");
  line_send(line, request, length);
  redis_ok(line);
  return count;
}

// beanstalkd: one tube. `reserve` gives one job at a time; deletions are sent without waiting.

static void beanstalkd_produce(struct line *line) {
  char request[SIZE + 64];
  int length = sprintf(request, "put 1 0 60 %d\r\n", SIZE);
  memcpy(request + length, payload, SIZE);
  memcpy(request + length + SIZE, "\r\n", 2);
  line_send(line, request, length + SIZE + 2);
  char *answer = line_read(line);
  if (strncmp(answer, "INSERTED", 8)) die("%s", answer);
}

static int beanstalkd_consume(struct line *line) {
  static const char reserve[] = "reserve-with-timeout 1\r\n";
  line_send(line, reserve, sizeof reserve - 1);
  char *answer = line_read(line);
  if (!strcmp(answer, "TIMED_OUT")) return 0;
  unsigned long id;
  int bytes;
  if (sscanf(answer, "RESERVED %lu %d", &id, &bytes) != 2) die("%s", answer);
  line_bytes(line, bytes + 2);
  char request[64];
  line_send(line, request, sprintf(request, "delete %lu\r\n", id));
  answer = line_read(line);
  if (strcmp(answer, "DELETED")) die("%s", answer);
  return 1;
}

// PostgreSQL: a table as a queue.

static PGconn *postgresql_open(void) {
  char address[128];
  snprintf(address, sizeof address, "host=127.0.0.1 port=%d user=bench dbname=postgres", port);
  PGconn *connection = PQconnectdb(address);
  if (PQstatus(connection) != CONNECTION_OK) die("%s", PQerrorMessage(connection));
  return connection;
}

static int postgresql_run(PGconn *connection, const char *sql, int values, const char *value) {
  PGresult *result = PQexecParams(connection, sql, values, NULL, &value, NULL, NULL, 0);
  ExecStatusType status = PQresultStatus(result);
  if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) die("%s", PQerrorMessage(connection));
  int count = atoi(PQcmdTuples(result));
  PQclear(result);
  return count;
}

static void postgresql_set_up(void) {
  PGconn *connection = postgresql_open();
  postgresql_run(connection, "CREATE TABLE q (id bigserial PRIMARY KEY, p text NOT NULL)", 0, NULL);
  PQfinish(connection);
}

static int postgresql_consume(PGconn *connection) {
  return postgresql_run(
      connection,
      "DELETE FROM q WHERE id = ANY (ARRAY (SELECT id FROM q ORDER BY id LIMIT 100 FOR UPDATE SKIP LOCKED)) "
      "RETURNING id, p",
      0, NULL);
}

// RabbitMQ: a quorum queue, confirms, prefetch and manual acknowledgement of several at once.

static amqp_connection_state_t rabbitmq_open(void) {
  amqp_connection_state_t connection = amqp_new_connection();
  amqp_socket_t *socket = amqp_tcp_socket_new(connection);
  if (amqp_socket_open(socket, "127.0.0.1", port)) die("connect");
  if (amqp_login(connection, "/", 0, 131072, 0, AMQP_SASL_METHOD_PLAIN, "guest", "guest").reply_type !=
      AMQP_RESPONSE_NORMAL)
    die("login");
  amqp_channel_open(connection, 1);
  return connection;
}

static void rabbitmq_set_up(void) {
  amqp_connection_state_t connection = rabbitmq_open();
  amqp_table_entry_t entry = {
      .key = amqp_cstring_bytes("x-queue-type"),
      .value = {.kind = AMQP_FIELD_KIND_UTF8, .value.bytes = amqp_cstring_bytes("quorum")}};
  amqp_table_t arguments = {1, &entry};
  amqp_queue_declare(connection, 1, amqp_cstring_bytes("q"), 0, 1, 0, 0, arguments);
  if (amqp_get_rpc_reply(connection).reply_type != AMQP_RESPONSE_NORMAL) die("declare");
}

static void rabbitmq_produce(amqp_connection_state_t connection) {
  amqp_basic_properties_t properties = {._flags = AMQP_BASIC_DELIVERY_MODE_FLAG, .delivery_mode = 2};
  amqp_bytes_t body = {SIZE, payload};
  if (amqp_basic_publish(connection, 1, amqp_cstring_bytes(""), amqp_cstring_bytes("q"), 0, 0, &properties, body))
    die("publish");
  amqp_frame_t frame;
  if (amqp_simple_wait_frame(connection, &frame)) die("confirm");
  if (frame.frame_type != AMQP_FRAME_METHOD || frame.payload.method.id != AMQP_BASIC_ACK_METHOD)
    die("not confirmed");
  amqp_maybe_release_buffers(connection);
}

static int rabbitmq_consume(amqp_connection_state_t connection) {
  static _Thread_local int unacknowledged;
  static _Thread_local uint64_t newest;
  struct timeval timeout = {0, unacknowledged ? 1000 : 200000};
  amqp_envelope_t envelope;
  amqp_maybe_release_buffers(connection);
  amqp_rpc_reply_t reply = amqp_consume_message(connection, &envelope, &timeout, 0);
  int is_message = reply.reply_type == AMQP_RESPONSE_NORMAL;
  if (!is_message && reply.library_error != AMQP_STATUS_TIMEOUT) die("consume");
  if (is_message) {
    newest = envelope.delivery_tag;
    unacknowledged++;
    amqp_destroy_envelope(&envelope);
  }
  if (unacknowledged == 0 || (is_message && unacknowledged < BATCH / 2)) return 0;
  if (amqp_basic_ack(connection, 1, newest, 1)) die("acknowledge");
  int count = unacknowledged;
  unacknowledged = 0;
  return count;
}

// orgloop: webhooks in; its own actor takes them.

static void orgloop_produce(struct line *line) {
  static const char head[] =
      "POST /webhook/in HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
      "Content-Length: 1024\r\n\r\n";
  char request[sizeof head + SIZE];
  memcpy(request, head, sizeof head - 1);
  memcpy(request + sizeof head - 1, payload, SIZE);
  // JSON of the same size.
  memcpy(request + sizeof head - 1, "{\"p\":\"", 6);
  memcpy(request + sizeof head - 1 + SIZE - 2, "\"}", 2);
  line_send(line, request, sizeof head - 1 + SIZE);
  char *status = line_read(line);
  if (strncmp(status, "HTTP/1.1 2", 10)) die("%s", status);
  size_t length = 0;
  for (char *field; *(field = line_read(line));)
    if (!strncasecmp(field, "content-length:", 15)) length = atoi(field + 15);
  line_bytes(line, length);
}

static int orgloop_settled(void) {
  static sqlite3 *database;
  if (!database && sqlite3_open_v2(getenv("DATABASE"), &database, SQLITE_OPEN_READONLY, NULL))
    die("%s", sqlite3_errmsg(database));
  sqlite3_stmt *statement;
  // Cheap to ask: the queue is empty when everything is settled.
  if (sqlite3_prepare_v2(database, "SELECT NOT EXISTS (SELECT 1 FROM queue)", -1, &statement, NULL))
    die("%s", sqlite3_errmsg(database));
  sqlite3_step(statement);
  int is_empty = sqlite3_column_int(statement, 0);
  sqlite3_finalize(statement);
  return is_empty;
}

// The threads.

static void *produce(void *unused) {
  (void)unused;
  struct line *line = NULL;
  PGconn *table = NULL;
  amqp_connection_state_t broker = NULL;
  if (!strcmp(kind, "postgresql")) {
    table = postgresql_open();
  } else if (!strcmp(kind, "rabbitmq")) {
    broker = rabbitmq_open();
    amqp_confirm_select(broker, 1);
  } else {
    line = line_open();
  }
  int mine;
  while ((mine = atomic_fetch_add(&claimed, 1)) < messages) {
    double begin = now();
    if (table) postgresql_run(table, "INSERT INTO q (p) VALUES ($1)", 1, payload);
    else if (broker) rabbitmq_produce(broker);
    else if (!strcmp(kind, "redis")) redis_produce(line);
    else if (!strcmp(kind, "beanstalkd")) beanstalkd_produce(line);
    else orgloop_produce(line);
    latencies[mine] = (now() - begin) * 1000;
  }
  return NULL;
}

static void *consume(void *number) {
  struct line *line = NULL;
  PGconn *table = NULL;
  amqp_connection_state_t broker = NULL;
  if (!strcmp(kind, "postgresql")) {
    table = postgresql_open();
  } else if (!strcmp(kind, "rabbitmq")) {
    broker = rabbitmq_open();
    amqp_basic_qos(broker, 1, 0, BATCH, 0);
    amqp_basic_consume(broker, 1, amqp_cstring_bytes("q"), amqp_empty_bytes, 0, 0, 0, amqp_empty_table);
  } else {
    line = line_open();
  }
  while (atomic_load(&acknowledged) < messages) {
    int count;
    if (table) {
      count = postgresql_consume(table);
      if (count == 0) usleep(1000);
    } else if (broker) count = rabbitmq_consume(broker);
    else if (!strcmp(kind, "redis")) count = redis_consume(line, (int)(long)number);
    else count = beanstalkd_consume(line);
    atomic_fetch_add(&acknowledged, count);
  }
  return NULL;
}

static int by_size(const void *left, const void *right) {
  float a = *(const float *)left, b = *(const float *)right;
  return (a > b) - (a < b);
}

int main(int count, char **words) {
  if (count < 4) {
    fprintf(stderr, "peers redis|beanstalkd|postgresql|rabbitmq|orgloop PORT MESSAGES [PRODUCERS [CONSUMERS]]\n");
    return 64;
  }
  kind = words[1];
  port = atoi(words[2]);
  messages = atoi(words[3]);
  if (count > 4) producers = atoi(words[4]);
  if (count > 5) consumers = atoi(words[5]);
  memset(payload, 'x', SIZE);
  latencies = calloc(messages, sizeof *latencies);
  if (!strcmp(kind, "redis")) redis_set_up();
  if (!strcmp(kind, "postgresql")) postgresql_set_up();
  if (!strcmp(kind, "rabbitmq")) rabbitmq_set_up();
  if (!strcmp(kind, "orgloop")) consumers = 0;
  pthread_t threads[producers + consumers];
  double begin = now();
  for (long i = 0; i < consumers; i++) pthread_create(&threads[producers + i], NULL, consume, (void *)i);
  for (int i = 0; i < producers; i++) pthread_create(&threads[i], NULL, produce, NULL);
  for (int i = 0; i < producers; i++) pthread_join(threads[i], NULL);
  double produced = now();
  if (!consumers)
    while (!orgloop_settled()) usleep(1000);
  // A consumer that waits for a message that never comes is not waited for.
  while (consumers && atomic_load(&acknowledged) < messages) usleep(200);
  double end = now();
  qsort(latencies, messages, sizeof *latencies, by_size);
  printf("%s %.0f %.0f %.2f %.2f\n", kind, messages / (end - begin), messages / (produced - begin),
         latencies[messages / 2], latencies[messages / 100 * 99]);
  fflush(stdout);
  _exit(0);
}
