/* Requests: taking the payload apart, then either answering at once or starting a child that does the work. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "agent.h"
#include "linux-abi.h"
#include "work.h"

static const int64_t SECOND_NS = 1000000000;

static void fail(struct connection *connection, uint32_t id, enum stage stage, int error) {
  const char *text = strerror(error);
  send_end(connection, id, END_FAILED, stage, error, text, strlen(text));
}

static int64_t clock_ns(clockid_t clock) {
  struct timespec now;
  clock_gettime(clock, &now);
  return now.tv_sec * SECOND_NS + now.tv_nsec;
}

static void ping(struct connection *connection, uint32_t id) {
  int64_t times[2] = {clock_ns(CLOCK_REALTIME), clock_ns(CLOCK_BOOTTIME)};
  send_end(connection, id, END_DONE, 0, 0, times, sizeof times);
}

static void set_clock(struct connection *connection, uint32_t id, int64_t to) {
  int64_t before = clock_ns(CLOCK_REALTIME);
  struct timespec time = {.tv_sec = to / SECOND_NS, .tv_nsec = to % SECOND_NS};
  if (to < 0) fail(connection, id, STAGE_REQUEST, EINVAL);
  else if (!owns_machine) fail(connection, id, STAGE_REQUEST, EPERM);
  else if (clock_settime(CLOCK_REALTIME, &time) != 0) fail(connection, id, STAGE_REQUEST, errno);
  else send_end(connection, id, END_DONE, 0, 0, &before, sizeof before);
}

/* The seed counts as entropy: the host's random numbers are better than any the guest has right after a copy. */
static int mix_in_seed(const uint8_t *seed, size_t length) {
  if (length == 0) return 0;
  if (length > sizeof ((struct random_pool_info *)0)->bytes) return EINVAL;
  struct random_pool_info pool = {.entropy_bits = length * 4, .size_bytes = length};
  memcpy(pool.bytes, seed, length);
  int fd = open("/dev/urandom", O_WRONLY | O_CLOEXEC);
  int failed = fd < 0 || ioctl(fd, RANDOM_ADD_ENTROPY, &pool) != 0 || ioctl(fd, RANDOM_RESEED) != 0 ? errno : 0;
  if (fd >= 0) close(fd);
  return failed;
}

static void identity(struct connection *connection, uint32_t id, const char *name, const uint8_t *seed, size_t seed_size) {
  int failed = owns_machine ? 0 : EPERM;
  if (!failed && *name && sethostname(name, strlen(name)) != 0) failed = errno;
  if (!failed) failed = mix_in_seed(seed, seed_size);
  if (failed) fail(connection, id, STAGE_REQUEST, failed);
  else send_end(connection, id, END_DONE, 0, 0, NULL, 0);
}

static void shutdown_machine(struct connection *connection, uint32_t id, uint32_t action, uint32_t grace_ms) {
  if (action > SHUTDOWN_RESET || grace_ms > 600000) {
    fail(connection, id, STAGE_REQUEST, EINVAL);
    return;
  }
  send_end(connection, id, END_DONE, 0, 0, NULL, 0);
  connection_flush(connection);
  shut_down(action, grace_ms);
}

/* A counted list of strings, NULL-terminated; NULL if it is malformed or memory is out. */
static char **take_list(struct reader *reader) {
  uint32_t count = take_u32(reader);
  if (reader->bad || count > reader->left / 4) return NULL;
  char **list = calloc(count + 1, sizeof *list);
  for (uint32_t i = 0; list && i < count; i++) list[i] = (char *)take_string(reader);
  return list;
}

static bool request_exec(struct connection *connection, uint32_t id, struct reader *reader) {
  struct exec_request request = {.flags = take_u32(reader), .rows = take_u16(reader), .columns = take_u16(reader)};
  request.user = take_string(reader);
  request.directory = take_string(reader);
  request.arguments = take_list(reader);
  request.environment = request.arguments ? take_list(reader) : NULL;
  bool good = !reader->bad && request.arguments && request.environment && request.arguments[0];
  if (good) {
    struct child_streams streams = {
        .terminal = request.flags & EXEC_TERMINAL, .input = request.flags & EXEC_STDIN, .output = true, .errors = true,
        .rows = request.rows, .columns = request.columns};
    channel_open(connection, id, true, &streams, run_program, &request);
  }
  free(request.arguments);
  free(request.environment);
  return good;
}

/* Takes the fields of a file request that `fields` names, in its order. */
static bool take_fields(struct reader *reader, const char *fields, struct file_request *request) {
  for (; *fields; fields++) {
    switch (*fields) {
      case 'p': request->path = take_string(reader); break;
      case 'q': request->other = take_string(reader); break;
      case 'w': request->owner = take_string(reader); break;
      case 'o': request->offset = take_u64(reader); break;
      case 'n': request->most = take_u64(reader); break;
      case 't': request->time_ns = take_u64(reader); break;
      case 'm': request->mode = take_u32(reader); break;
      case 'f': request->flags = take_u32(reader); break;
    }
  }
  return !reader->bad;
}

/* The file requests: the order of their fields (letters of take_fields), their streams, their work. */
static const struct {
  uint8_t type;
  bool input, output;
  const char *fields;
  child_work *work;
} FILE_REQUESTS[] = {
    {REQUEST_READ, false, true, "pon", work_read},       {REQUEST_WRITE, true, false, "pomfw", work_write},
    {REQUEST_STAT, false, false, "pf", work_stat},       {REQUEST_LIST, false, true, "p", work_list},
    {REQUEST_MKDIR, false, false, "pmfw", work_mkdir},   {REQUEST_REMOVE, false, false, "pf", work_remove},
    {REQUEST_RENAME, false, false, "pq", work_rename},   {REQUEST_SYMLINK, false, false, "qp", work_symlink},
    {REQUEST_CHANGE, false, false, "pfmwt", work_change}, {REQUEST_SYNC, false, false, "", work_sync},
};

static bool request_file(struct connection *connection, uint32_t id, uint8_t type, struct reader *reader) {
  for (size_t i = 0; i < sizeof FILE_REQUESTS / sizeof *FILE_REQUESTS; i++) {
    if (FILE_REQUESTS[i].type != type) continue;
    struct file_request request = {.path = "", .other = "", .owner = ""};
    if (!take_fields(reader, FILE_REQUESTS[i].fields, &request)) return false;
    struct child_streams streams = {.input = FILE_REQUESTS[i].input, .output = FILE_REQUESTS[i].output};
    channel_open(connection, id, false, &streams, FILE_REQUESTS[i].work, &request);
    return true;
  }
  fail(connection, id, STAGE_REQUEST, ENOSYS);
  return true;
}

static bool dispatch(struct connection *connection, uint32_t id, uint8_t type, struct reader *reader) {
  if (type == REQUEST_EXEC) return request_exec(connection, id, reader);
  if (type == REQUEST_PING) {
    ping(connection, id);
  } else if (type == REQUEST_CLOCK) {
    int64_t time = take_u64(reader);
    if (!reader->bad) set_clock(connection, id, time);
  } else if (type == REQUEST_SHUTDOWN) {
    uint32_t action = take_u32(reader), grace_ms = take_u32(reader);
    if (!reader->bad) shutdown_machine(connection, id, action, grace_ms);
  } else if (type == REQUEST_IDENTITY) {
    const char *name = take_string(reader);
    uint32_t seed_size = take_u32(reader);
    if (reader->bad || seed_size > reader->left) return false;
    identity(connection, id, name, reader->at, seed_size);
  } else {
    return request_file(connection, id, type, reader);
  }
  return !reader->bad;
}

void request_frame(struct connection *connection, uint32_t id, uint8_t type, const uint8_t *payload, size_t size) {
  char *strings = malloc(size + 1);
  if (!strings) {
    fail(connection, id, STAGE_RESOURCES, ENOMEM);
    return;
  }
  struct reader reader = {.at = payload, .left = size, .strings = strings};
  if (!dispatch(connection, id, type, &reader)) refuse(connection, REFUSE_MALFORMED, "malformed request");
  free(strings);
}
