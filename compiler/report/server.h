// An HTTP server for this machine's own browser: it listens on the loopback alone, and answers nobody who was sent to
// it from elsewhere.
//
// Everything happens in the thread of server_run, one thing after another. A request is refused (403) unless it is
// addressed to the loopback by name or number (`Host`, or else a name that an attacker has point to 127.0.0.1 would do)
// and comes from a page of ours (`Origin`, where it is said).
#ifndef GMC_SERVER_H
#define GMC_SERVER_H

#include "core/base.h"

typedef struct Server Server;
typedef struct Request Request;
typedef struct Stream Stream;

struct Request {
  Arena *arena;  // until it is answered
  const char *path;
  bool post;
};

// Answers by one of the functions below, or fails: then by the arena's code.
typedef void ServerAnswer(void *what, Request *r);

// Listens on `port` of 127.0.0.1 and ::1, or where that is 0, on a free one. Fails with EXIT_LOCKED where another
// program has the port, and with EXIT_IO. Closed with the arena.
Server *server_open(Arena *a, int port, ServerAnswer *answer, void *what);

int server_port(const Server *s);

// Calls tick(what) every so many seconds.
void server_every(Server *s, double seconds, void (*tick)(void *what));

// Serves until a signal asks to stop: Ctrl-C, SIGTERM, SIGHUP.
void server_run(Server *s);

// A value of the request's query, `?name=value`, or of its body where it is a form; NULL: it has none.
const char *request_value(const Request *r, const char *name);

void request_reply(Request *r, const char *type, const void *bytes, size_t length);

// 404.
void request_nothing(Request *r);

// Keeps the connection open for events (text/event-stream). `closed` is called once, when it is gone, at the latest
// when the server's arena closes; the stream lies in `a`, which may be closed then.
Stream *request_stream(Request *r, Arena *a, void (*closed)(void *what), void *what);

// `data` is one line.
void stream_event(Stream *s, const char *event, const Text *data);

// Has it not yet taken what was sent before? Who reads slowly is to be sent no more.
bool stream_full(const Stream *s);

#endif
