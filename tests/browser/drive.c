// Opens a page in Chromium and does with it what a script says: drive FOLDER URL <SCRIPT. For tests/browser/*.sh.
//
//   until EXPRESSION   of JavaScript: within half a minute it is true
//   do EXPRESSION
//   print EXPRESSION
//   within MILLISECONDS [EXPRESSION]
//                      so long the processor works for the page at most, until the value is there and what changed is
//                      drawn; without an expression, since the page was opened. What other programs do has no part in
//                      it
//   picture FILE       as PNG
//   size WIDTH HEIGHT  of the window
//   dark               the page is shown to somebody who likes it dark
//   reload
//
// FOLDER is the browser's, and may be new. A line on stdout for each thing that went wrong, what the console says and
// what is asked of other places than the URL's own among them; then the exit code is 1. Chromium is spoken to by pipes,
// in the DevTools protocol: JSON objects with a NUL behind each.
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/file.h"
#include "formats/json.h"

enum { PATIENCE = 60000, UNTIL = 30000, AGAIN = 100, READ = 1 << 16 };  // milliseconds; bytes

typedef struct {
  Arena *arena;
  int to, from;
  pid_t browser;
  Text read;
  int id;
  const char *session;  // of the page, "" before there is one
  const char *own;      // how addresses of the page's own place begin
  int wrong;
} Drive;

static void complain(Drive *d, const char *what, const char *text) {
  d->wrong++;
  printf("FAILED %s: %s\n", what, text);
}

static const Json *at(const Json *value, const char *path) {
  char name[64];
  while (value && *path) {
    size_t length = strcspn(path, ".");
    snprintf(name, sizeof name, "%.*s", (int)length, path);
    value = json_find(value, name);
    path += length + (path[length] == '.');
  }
  return value;
}

static const char *string_at(const Json *value, const char *path) {
  const Json *found = at(value, path);
  return found && found->kind == JSON_STRING ? found->string : "";
}

static bool begins(const char *text, const char *with) { return strncmp(text, with, strlen(with)) == 0; }

// What the page does by itself.
static void take_event(Drive *d, const Json *message) {
  const char *method = string_at(message, "method"), *url = string_at(message, "params.request.url");
  if (strcmp(method, "Runtime.consoleAPICalled") == 0) {
    const Json *first = at(message, "params.args");
    complain(d, "console", first && first->child ? string_at(first->child, "value") : "");
  }
  if (strcmp(method, "Runtime.exceptionThrown") == 0)
    complain(d, "exception", string_at(message, "params.exceptionDetails.exception.description"));
  if (strcmp(method, "Log.entryAdded") == 0) complain(d, "log", string_at(message, "params.entry.text"));
  if (strcmp(method, "Network.requestWillBeSent") == 0 && !begins(url, d->own) && !begins(url, "data:"))
    complain(d, "asks elsewhere", url);
}

// The next message; fails where none comes.
static const Json *next_message(Drive *d) {
  for (;;) {
    const char *end = memchr(d->read.data, 0, d->read.length), *problem = NULL;
    if (end) {
      size_t length = (size_t)(end - d->read.data);
      const Json *message = json_parse(d->arena, arena_slice(d->arena, d->read.data, length), length, &problem);
      memmove(d->read.data, end + 1, d->read.length - length - 1);
      d->read.length -= length + 1;
      if (!message) fail(d->arena, EXIT_DATA, "chromium says what is no JSON: %s", problem);
      return message;
    }
    char bytes[READ];
    struct pollfd ready = {.fd = d->from, .events = POLLIN};
    ssize_t n = poll(&ready, 1, PATIENCE) == 1 ? read(d->from, bytes, sizeof bytes) : -1;
    if (n <= 0) fail(d->arena, EXIT_IO, "chromium says nothing");
    text_append(&d->read, bytes, (size_t)n);
  }
}

// Asks, and returns the result; `parameters` is an object.
static const Json *ask(Drive *d, const char *method, const char *parameters) {
  Text t = text_new(d->arena);
  text_add(&t, "{\"id\":%d,\"method\":\"%s\",\"params\":%s", ++d->id, method, parameters);
  if (*d->session) text_add(&t, ",\"sessionId\":\"%s\"", d->session);
  text_add(&t, "}");
  for (size_t done = 0; done <= t.length;) {
    ssize_t n = write(d->to, t.data + done, t.length + 1 - done);
    if (n <= 0) fail(d->arena, EXIT_IO, "chromium listens no more");
    done += (size_t)n;
  }
  for (;;) {
    const Json *message = next_message(d), *id = at(message, "id");
    if (!id)
      take_event(d, message);
    else if ((int)id->number == d->id) {
      if (at(message, "error")) fail(d->arena, EXIT_SOFTWARE, "%s: %s", method, string_at(message, "error.message"));
      return at(message, "result");
    }
  }
}

// The value of an expression, or NULL with *exception set.
static const Json *attempt(Drive *d, const char *expression, const char **exception) {
  Text t = text_new(d->arena);
  text_add(&t, "{\"returnByValue\":true,\"awaitPromise\":true,\"expression\":");
  json_add_string(&t, expression);
  text_add(&t, "}");
  const Json *result = ask(d, "Runtime.evaluate", t.data);
  *exception = at(result, "exceptionDetails") ? string_at(result, "exceptionDetails.exception.description") : NULL;
  return *exception ? NULL : at(result, "result.value");
}

static const Json *evaluate(Drive *d, const char *expression) {
  const char *exception;
  const Json *value = attempt(d, expression, &exception);
  if (exception) complain(d, expression, exception);
  return value;
}

static bool is_true(const Json *value) {
  return value && (value->kind == JSON_TRUE || (value->kind == JSON_NUMBER && value->number != 0) ||
                   (value->kind == JSON_STRING && *value->string));
}

static void until(Drive *d, const char *expression) {
  const char *exception = NULL;
  for (int i = 0; i < UNTIL / AGAIN; i++) {
    if (is_true(attempt(d, expression, &exception))) return;
    usleep(AGAIN * 1000);
  }
  complain(d, expression, exception ? exception : "it never was");
}

// Waits for the page that a request for another one leads to.
static void loaded(Drive *d, const char *method, const char *parameters) {
  evaluate(d, "window.before = true");
  ask(d, method, parameters);
  until(d, "!window.before && document.readyState === 'complete'");
}

static void print(Drive *d, const char *expression) {
  const Json *value = evaluate(d, expression);
  if (value && value->kind == JSON_STRING)
    printf("%s\n", value->string);
  else if (value)
    printf("%.17g\n", value->kind == JSON_TRUE ? 1 : value->number);
}

// Seconds that the processor has worked for the page's process, which is its own, by all threads.
static double worked(Drive *d) {
  const Json *metrics = at(ask(d, "Performance.getMetrics", "{}"), "metrics");
  for (const Json *m = metrics ? metrics->child : NULL; m; m = m->next)
    if (strcmp(string_at(m, "name"), "ProcessTime") == 0) return at(m, "value")->number;
  fail(d->arena, EXIT_SOFTWARE, "chromium does not say what time the page has taken");
}

static void within(Drive *d, const char *text) {
  char *expression;
  double limit = strtod(text, &expression), before = *expression ? worked(d) : 0;
  if (*expression) evaluate(d, expression);
  evaluate(d, "new Promise(drawn => requestAnimationFrame(() => setTimeout(drawn)))");
  double spent = 1000 * (worked(d) - before);
  const char *what = *expression ? expression + 1 : "it is open";
  printf("%.0f ms of the processor: %s\n", spent, what);
  if (spent >= limit) complain(d, what, arena_format(d->arena, "%.0f ms, not within %.0f", spent, limit));
}

static void picture(Drive *d, const char *path) {
  static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  Text bytes = text_new(d->arena);
  unsigned word = 0, bits = 0;
  for (const char *c = string_at(ask(d, "Page.captureScreenshot", "{}"), "data"), *digit;
       *c && (digit = strchr(digits, *c)); c++) {
    word = word << 6 | (unsigned)(digit - digits);
    bits += 6;
    if (bits < 8) continue;
    char byte = (char)(word >> (bits -= 8));
    text_append(&bytes, &byte, 1);
  }
  file_replace(d->arena, path, bytes.data, bytes.length);
}

static void command(Drive *d, const char *line) {
  size_t length = strcspn(line, " ");
  const char *rest = line + length + (line[length] == ' ');
  int width, height;
  if (begins(line, "until "))
    until(d, rest);
  else if (begins(line, "do "))
    evaluate(d, rest);
  else if (begins(line, "print "))
    print(d, rest);
  else if (begins(line, "within "))
    within(d, rest);
  else if (begins(line, "picture "))
    picture(d, rest);
  else if (begins(line, "reload"))
    loaded(d, "Page.reload", "{}");
  else if (begins(line, "dark"))
    ask(d, "Emulation.setEmulatedMedia", "{\"features\":[{\"name\":\"prefers-color-scheme\",\"value\":\"dark\"}]}");
  else if (sscanf(line, "size %d %d", &width, &height) == 2)
    ask(d, "Emulation.setDeviceMetricsOverride",
        arena_format(d->arena, "{\"width\":%d,\"height\":%d,\"deviceScaleFactor\":1,\"mobile\":false}", width, height));
  else
    fail(d->arena, EXIT_USAGE, "what is `%s`?", line);
}

static void end_browser(void *drive) {
  Drive *d = drive;
  close(d->to);  // it ends by itself
  close(d->from);
  for (int i = 0; i < 50 && waitpid(d->browser, NULL, WNOHANG) == 0; i++) usleep(100000);
  kill(d->browser, SIGKILL);
}

static void begin_browser(Drive *d, const char *folder) {
  int to[2], from[2];
  if (pipe(to) != 0 || pipe(from) != 0) fail(d->arena, EXIT_IO, "%s", strerror(errno));
  d->browser = fork();
  if (d->browser == 0) {
    int in = dup(to[0]), out = dup(from[1]);  // neither is 3 or 4, where Chromium has its pipes
    for (int i = 3; i < in; i++)
      if (i != out) close(i);
    dup2(in, 3), dup2(out, 4);
    close(in), close(out);
    if (!freopen("/dev/null", "w", stdout) || !freopen("/dev/null", "w", stderr)) _exit(1);
    execlp("chromium", "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe",
           "--hide-scrollbars", "--window-size=1300,1000", arena_format(d->arena, "--user-data-dir=%s", folder),
           "about:blank", (char *)NULL);
    _exit(127);
  }
  close(to[0]), close(from[1]);
  d->to = to[1], d->from = from[0];
  arena_cleanup(d->arena, end_browser, d);
}

static void open_page(Drive *d, const char *url) {
  static const char *const parts[] = {"Runtime.enable", "Log.enable", "Network.enable", "Page.enable",
                                      "Performance.enable"};
  const char *slash = begins(url, "http") ? strchr(url + 8, '/') : url + strlen(url);
  d->own = arena_slice(d->arena, url, (size_t)(slash + 1 - url));
  const char *target = string_at(ask(d, "Target.createTarget", "{\"url\":\"about:blank\"}"), "targetId");
  d->session = string_at(
      ask(d, "Target.attachToTarget", arena_format(d->arena, "{\"flatten\":true,\"targetId\":\"%s\"}", target)),
      "sessionId");
  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) ask(d, parts[i], "{}");
  Text t = text_new(d->arena);
  text_add(&t, "{\"url\":");
  json_add_string(&t, url);
  text_add(&t, "}");
  loaded(d, "Page.navigate", t.data);
}

int main(int argc, char **argv) {
  Arena *a = arena_open(NULL);
  volatile int code = 1;
  if (argc != 3 || !a) return EXIT_USAGE;
  signal(SIGPIPE, SIG_IGN);
  if (ARENA_TRY(a) == 0) {
    Drive d = {.arena = a, .read = text_new(a), .session = ""};
    char line[1 << 14];
    begin_browser(&d, argv[1]);
    open_page(&d, argv[2]);
    while (fgets(line, sizeof line, stdin)) {
      line[strcspn(line, "\n")] = 0;
      if (*line) command(&d, line);
    }
    evaluate(&d, "0");  // what was said until now is heard
    code = d.wrong > 0;
    arena_close(a);
    return code;
  }
  code = a->code;
  arena_close(a);
  return code;
}
