// The loopback, by libevent; see server.h.
#include "report/server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <netinet/in.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
  BACKLOG = 64,
  BODY_LIMIT = 1 << 16,
  HEADERS_LIMIT = 1 << 16,
  STREAM_ROOM = 1 << 20,
  KEEP_SECONDS = 15,
  PORTS_TRIED = 20
};

static const int server_stops[] = {SIGINT, SIGTERM, SIGHUP};
enum { SERVER_STOPS = sizeof server_stops / sizeof *server_stops };

struct Server {
  Arena *arena;
  struct event_base *base;
  struct evhttp *http;
  struct event *signal[SERVER_STOPS], *tick, *keep;
  int port;
  ServerAnswer *answer;
  void (*on_tick)(void *what);
  void *what;
  Stream *streams;
};

// A request as libevent has it.
typedef struct {
  Request seen;
  Server *server;
  struct evhttp_request *http;
  struct evkeyvalq query, form;
} ServerRequest;

struct Stream {
  Stream *next;
  Server *server;
  struct evhttp_request *http;
  void (*closed)(void *what);
  void *what;
};

// The command ends with its server: a second Ctrl-C on the way, as `timeout` sends one, does not make its end another.
static void server_close(void *server) {
  Server *s = server;
  sigset_t stops;
  sigemptyset(&stops);
  for (int i = 0; i < SERVER_STOPS; i++) sigaddset(&stops, server_stops[i]);
  sigprocmask(SIG_BLOCK, &stops, NULL);
  for (int i = 0; i < SERVER_STOPS; i++)
    if (s->signal[i]) event_free(s->signal[i]);
  if (s->tick) event_free(s->tick);
  if (s->keep) event_free(s->keep);
  if (s->http) evhttp_free(s->http);
  if (s->base) event_base_free(s->base);
  libevent_global_shutdown();
}

// ---- sockets

typedef union {
  struct sockaddr any;
  struct sockaddr_in four;
  struct sockaddr_in6 six;
} Address;

static Address server_address(int family, int port) {
  Address at = {0};
  if (family == AF_INET) {
    at.four = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    at.four.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  } else {
    at.six = (struct sockaddr_in6){
        .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port), .sin6_addr = in6addr_loopback};
  }
  return at;
}

// A socket that listens there, or -1 with errno set.
static int server_listen(int family, int port) {
  int file = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), yes = 1;
  if (file < 0) return -1;
  Address at = server_address(family, port);
  socklen_t size = family == AF_INET ? sizeof at.four : sizeof at.six;
  setsockopt(file, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  if (bind(file, &at.any, size) == 0 && listen(file, BACKLOG) == 0) return file;
  int error = errno;
  close(file);
  errno = error;
  return -1;
}

static int server_port_of(int file) {
  Address at = {0};
  socklen_t size = sizeof at;
  return getsockname(file, &at.any, &size) == 0 ? ntohs(at.four.sin_port) : 0;
}

// The sockets of 127.0.0.1 and of ::1 on one port; the second is -1 on a machine that has no ::1. Both must be ours:
// `localhost` may mean either.
static void server_sockets(Server *s, int port, int file[2]) {
  for (int i = 0; i < PORTS_TRIED; i++) {
    file[0] = server_listen(AF_INET, port);
    int error = errno;
    if (file[0] >= 0) {
      s->port = server_port_of(file[0]);
      file[1] = server_listen(AF_INET6, s->port);
      error = errno;
      if (file[1] >= 0 || error != EADDRINUSE) return;
      close(file[0]);
    }
    if (port || error != EADDRINUSE) {
      if (error == EADDRINUSE)
        fail(s->arena, EXIT_LOCKED, "port %d: another program has it; --port N asks for another one", port);
      fail(s->arena, EXIT_IO, "port %d of 127.0.0.1: %s", port, strerror(error));
    }
  }
  fail(s->arena, EXIT_LOCKED, "no port is free");
}

// ---- requests

// Does the text name the loopback and our port: "localhost:8080"?
static bool server_is_own(const Server *s, const char *text) {
  static const char *const names[] = {"127.0.0.1", "localhost", "[::1]"};
  for (int i = 0; i < 3; i++) {
    size_t length = strlen(names[i]);
    if (strncasecmp(text, names[i], length) != 0) continue;
    char port[16] = "";
    snprintf(port, sizeof port, ":%d", s->port);
    return strcmp(text + length, port) == 0 || (s->port == 80 && !text[length]);
  }
  return false;
}

static bool server_admits(const Server *s, struct evhttp_request *http) {
  const struct evkeyvalq *headers = evhttp_request_get_input_headers(http);
  const char *host = evhttp_find_header(headers, "Host"), *origin = evhttp_find_header(headers, "Origin");
  if (!host || !server_is_own(s, host)) return false;
  return !origin || (strncmp(origin, "http://", 7) == 0 && server_is_own(s, origin + 7));
}

static void request_headers(struct evhttp_request *http, const char *type) {
  struct evkeyvalq *headers = evhttp_request_get_output_headers(http);
  evhttp_add_header(headers, "Content-Type", type);
  evhttp_add_header(headers, "Cache-Control", "no-store");
  evhttp_add_header(headers, "X-Content-Type-Options", "nosniff");
  evhttp_add_header(headers, "X-Frame-Options", "DENY");
  evhttp_add_header(headers, "Cross-Origin-Resource-Policy", "same-origin");
  evhttp_add_header(headers, "Referrer-Policy", "no-referrer");
}

static void request_say(struct evhttp_request *http, int code, const char *text) {
  struct evbuffer *body = evhttp_request_get_output_buffer(http);
  request_headers(http, "text/plain; charset=utf-8");
  evbuffer_add_printf(body, "%s\n", text);
  evhttp_send_reply(http, code, NULL, NULL);
}

static void request_close(void *request) {
  ServerRequest *r = request;
  evhttp_clear_headers(&r->query);
  evhttp_clear_headers(&r->form);
}

static ServerRequest *request_open(Arena *a, Server *s, struct evhttp_request *http) {
  ServerRequest *r = NEW(a, ServerRequest);
  struct evbuffer *body = evhttp_request_get_input_buffer(http);
  const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(http);
  const char *path = uri ? evhttp_uri_get_path(uri) : NULL, *query = uri ? evhttp_uri_get_query(uri) : NULL;
  bool post = evhttp_request_get_command(http) == EVHTTP_REQ_POST;
  *r = (ServerRequest){.seen = {a, path ? path : "", post}, .server = s, .http = http};
  evhttp_parse_query_str(query ? query : "", &r->query);
  size_t length = evbuffer_get_length(body);
  evhttp_parse_query_str(arena_slice(a, length ? (const char *)evbuffer_pullup(body, -1) : "", length), &r->form);
  arena_cleanup(a, request_close, r);
  return r;
}

// Every request comes here. The arena of its answer is its own; a failure is told on the terminal, and to who asked.
static void server_request(struct evhttp_request *http, void *server) {
  Server *s = server;
  if (!server_admits(s, http)) {
    request_say(http, 403, "this page is for this machine's own browser");
    return;
  }
  Arena *a = arena_open(NULL);
  if (!a) {
    request_say(http, HTTP_INTERNAL, "out of memory");
    return;
  }
  if (ARENA_TRY(a) == 0) {
    ServerRequest *r = request_open(a, s, http);
    s->answer(s->what, &r->seen);
  } else {
    request_say(http, HTTP_INTERNAL, "this cannot be shown: see what gmc says on its terminal");
  }
  arena_close(a);
}

const char *request_value(const Request *r, const char *name) {
  const ServerRequest *own = (const ServerRequest *)r;
  const char *value = evhttp_find_header(&own->query, name);
  return value ? value : evhttp_find_header(&own->form, name);
}

void request_reply(Request *r, const char *type, const void *bytes, size_t length) {
  struct evhttp_request *http = ((ServerRequest *)r)->http;
  request_headers(http, type);
  evbuffer_add(evhttp_request_get_output_buffer(http), bytes, length);
  evhttp_send_reply(http, HTTP_OK, NULL, NULL);
}

void request_nothing(Request *r) { request_say(((ServerRequest *)r)->http, HTTP_NOTFOUND, "there is nothing here"); }

// ---- streams

// Where the other end has gone, libevent has let go of a request whose reply was not at its end, and waits for that.
static void stream_close(struct evhttp_connection *connection, void *stream) {
  (void)connection;
  Stream *s = stream, **at = &s->server->streams;
  while (*at != s) at = &(*at)->next;
  *at = s->next;
  if (!evhttp_request_get_connection(s->http)) evhttp_send_reply_end(s->http);
  s->closed(s->what);
}

Stream *request_stream(Request *r, Arena *a, void (*closed)(void *what), void *what) {
  ServerRequest *own = (ServerRequest *)r;
  Server *server = own->server;
  Stream *s = NEW(a, Stream);
  *s = (Stream){server->streams, server, own->http, closed, what};
  server->streams = s;
  request_headers(own->http, "text/event-stream");
  evhttp_connection_set_closecb(evhttp_request_get_connection(own->http), stream_close, s);
  evhttp_send_reply_start(own->http, HTTP_OK, NULL);
  return s;
}

static void stream_send(const Stream *s, struct evbuffer *text) {
  if (text) evhttp_send_reply_chunk(s->http, text);
  if (text) evbuffer_free(text);
}

void stream_event(Stream *s, const char *event, const Text *data) {
  struct evbuffer *text = evbuffer_new();
  if (text) {
    evbuffer_add_printf(text, "event: %s\ndata: ", event);
    evbuffer_add(text, data->data, data->length);
    evbuffer_add(text, "\n\n", 2);
  }
  stream_send(s, text);
}

bool stream_full(const Stream *s) {
  struct bufferevent *buffers = evhttp_connection_get_bufferevent(evhttp_request_get_connection(s->http));
  return evbuffer_get_length(bufferevent_get_output(buffers)) > STREAM_ROOM;
}

// A comment to every stream: who is gone is noticed by it.
static void server_keep(evutil_socket_t file, short what, void *server) {
  (void)file, (void)what;
  for (Stream *s = ((Server *)server)->streams, *next; s; s = next) {
    struct evbuffer *text = evbuffer_new();
    next = s->next;
    if (text) evbuffer_add(text, ":\n\n", 3);
    stream_send(s, text);
  }
}

// ---- the whole

static void server_signal(evutil_socket_t signal, short what, void *server) {
  (void)signal, (void)what;
  event_base_loopbreak(((Server *)server)->base);
}

static void server_tick(evutil_socket_t file, short what, void *server) {
  (void)file, (void)what;
  ((Server *)server)->on_tick(((Server *)server)->what);
}

Server *server_open(Arena *a, int port, ServerAnswer *answer, void *what) {
  Server *s = NEW(a, Server);
  int file[2];
  *s = (Server){.arena = a, .answer = answer, .what = what};
  arena_cleanup(a, server_close, s);
  s->base = event_base_new();
  s->http = s->base ? evhttp_new(s->base) : NULL;
  if (!s->http) fail(a, EXIT_MEMORY, "out of memory");
  server_sockets(s, port, file);
  for (int i = 0; i < 2; i++)
    if (file[i] >= 0 && evhttp_accept_socket(s->http, file[i]) != 0) fail(a, EXIT_MEMORY, "out of memory");
  evhttp_set_allowed_methods(s->http, EVHTTP_REQ_GET | EVHTTP_REQ_HEAD | EVHTTP_REQ_POST);
  evhttp_set_max_body_size(s->http, BODY_LIMIT);
  evhttp_set_max_headers_size(s->http, HEADERS_LIMIT);
  evhttp_set_gencb(s->http, server_request, s);
  for (int i = 0; i < SERVER_STOPS; i++) {
    s->signal[i] = evsignal_new(s->base, server_stops[i], server_signal, s);
    if (!s->signal[i] || event_add(s->signal[i], NULL) != 0) fail(a, EXIT_MEMORY, "out of memory");
  }
  signal(SIGPIPE, SIG_IGN);
  return s;
}

int server_port(const Server *s) { return s->port; }

static struct event *server_timer(Server *s, double seconds, event_callback_fn call) {
  struct timeval every = {(time_t)seconds, (suseconds_t)((seconds - (double)(time_t)seconds) * 1e6)};
  struct event *e = event_new(s->base, -1, EV_PERSIST, call, s);
  if (!e || event_add(e, &every) != 0) fail(s->arena, EXIT_MEMORY, "out of memory");
  return e;
}

void server_every(Server *s, double seconds, void (*tick)(void *what)) {
  s->on_tick = tick;
  s->tick = server_timer(s, seconds, server_tick);
}

void server_run(Server *s) {
  s->keep = server_timer(s, KEEP_SECONDS, server_keep);
  event_base_dispatch(s->base);
}
