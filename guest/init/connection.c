/* Connections: frames in and out, the greeting, refusals. Sockets are non-blocking; nothing here waits. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "agent.h"
#include "clock.h"
#include "linux-abi.h"

#ifndef AGENT_VERSION
#define AGENT_VERSION "0.1.0"
#endif

/* Above this many waiting bytes a connection neither reads requests nor takes output of its channels. */
enum { OUTPUT_HIGH_WATER = 4 * MAX_PAYLOAD };

/* How long a refused host may go on sending before its stream is reset. */
enum { LINGER_MS = 2000 };

struct connections connections;

bool connection_has_room(const struct connection *connection) {
  return !connection->closing && connection->output.length < OUTPUT_HIGH_WATER;
}

void send_frame(struct connection *to, uint32_t channel, uint8_t type, uint8_t stream, const void *payload, size_t size) {
  if (to->dead || to->closing) return;
  bool stored = put_u32(&to->output, size) && put_u32(&to->output, channel) && put_u8(&to->output, type) &&
                put_u8(&to->output, stream) && put_u16(&to->output, 0) && put_bytes(&to->output, payload, size);
  if (!stored) to->dead = true; /* out of memory in the middle of a frame: this stream is beyond repair */
}

void send_end(struct connection *to, uint32_t channel, uint8_t kind, uint8_t stage, int32_t value, const void *rest, size_t size) {
  struct queue payload = {0};
  bool stored = put_u8(&payload, kind) && put_u8(&payload, stage) && put_u16(&payload, 0) && put_u32(&payload, value) &&
                put_bytes(&payload, rest, size);
  if (stored) send_frame(to, channel, FRAME_END, 0, queue_front(&payload), payload.length);
  else to->dead = true;
  queue_free(&payload);
}

void refuse(struct connection *connection, enum refusal reason, const char *text) {
  struct queue payload = {0};
  if (put_u32(&payload, reason) && put_string(&payload, text))
    send_frame(connection, 0, FRAME_REFUSE, 0, queue_front(&payload), payload.length);
  queue_free(&payload);
  connection->closing = true;
}

static bool peer_is_host(int fd) {
  struct vsock_address peer = {0};
  socklen_t size = sizeof peer;
  return getpeername(fd, (struct sockaddr *)&peer, &size) == 0 && peer.cid == VSOCK_CID_HOST;
}

void connection_accept(int listener, bool host_only) {
  int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd < 0) return;
  struct connection *connection = calloc(1, sizeof *connection);
  if (connection) connection->input = malloc(HEADER_SIZE + MAX_PAYLOAD);
  if (!connection || !connection->input || (host_only && !peer_is_host(fd))) {
    if (connection) free(connection->input);
    free(connection);
    close(fd);
    return;
  }
  connection->fd = fd;
  connection->next = connections.first;
  connections.first = connection;
  connections.count++;
  if (connections.count > MAX_CONNECTIONS) refuse(connection, REFUSE_CONNECTIONS, "too many connections");
}

static void hello(struct connection *connection, uint32_t channel, const uint8_t *payload, size_t size) {
  struct reader reader = {.at = payload, .left = size};
  uint32_t magic = take_u32(&reader);
  uint16_t lowest = take_u16(&reader), highest = take_u16(&reader);
  uint32_t window = take_u32(&reader);
  if (reader.bad || magic != PROTOCOL_MAGIC || channel != 0 || window < MIN_WINDOW || window > MAX_WINDOW || lowest > highest) {
    refuse(connection, REFUSE_MALFORMED, "malformed HELLO");
    return;
  }
  if (lowest > PROTOCOL_VERSION || highest < PROTOCOL_VERSION) {
    refuse(connection, REFUSE_VERSION, "the agent speaks version 1 only");
    return;
  }
  connection->greeted = true;
  connection->host_window = window;

  struct utsname names;
  if (uname(&names) != 0) memset(&names, 0, sizeof names);
  struct queue reply = {0};
  bool stored = put_u16(&reply, PROTOCOL_VERSION) && put_u16(&reply, 0) && put_u32(&reply, WINDOW) &&
                put_u32(&reply, MAX_CHANNELS) && put_string(&reply, names.nodename) &&
                put_string(&reply, names.release) && put_string(&reply, AGENT_VERSION);
  if (stored) send_frame(connection, 0, FRAME_WELCOME, 0, queue_front(&reply), reply.length);
  else connection->dead = true;
  queue_free(&reply);
}

/* The frame types of open channels that the host may send. */
static bool is_channel_frame(uint8_t type) { return type >= FRAME_DATA && type <= FRAME_CANCEL; }

static void frame(struct connection *connection, uint32_t id, uint8_t type, uint8_t stream, const uint8_t *payload, size_t size) {
  if (!connection->greeted) {
    if (type == FRAME_HELLO) hello(connection, id, payload, size);
    else refuse(connection, REFUSE_MALFORMED, "expected HELLO");
  } else if (is_channel_frame(type)) {
    struct channel *channel = channel_find(connection, id);
    if (channel) channel_frame(channel, type, stream, payload, size);
  } else if (type >= REQUEST_FIRST && type <= REQUEST_LAST) {
    if (id == 0) refuse(connection, REFUSE_MALFORMED, "request on channel 0");
    else if (channel_find(connection, id)) refuse(connection, REFUSE_CHANNEL_OPEN, "the channel is open");
    else if (connection->channel_count >= MAX_CHANNELS) refuse(connection, REFUSE_CHANNELS, "too many channels");
    else request_frame(connection, id, type, payload, size);
  } else {
    refuse(connection, REFUSE_TYPE, "unknown frame type");
  }
}

/* Takes one complete frame from the input. Returns its size, 0 if there is none yet or none may be taken. */
static size_t next_frame(struct connection *connection, const uint8_t *at, size_t left) {
  if (left < HEADER_SIZE || !connection_has_room(connection) || connection->dead) return 0;
  struct reader header = {.at = at, .left = HEADER_SIZE};
  uint32_t length = take_u32(&header), id = take_u32(&header);
  uint16_t type_and_stream = take_u16(&header), reserved = take_u16(&header);
  if (length > MAX_PAYLOAD || reserved != 0) {
    refuse(connection, REFUSE_MALFORMED, "malformed frame header");
    return 0;
  }
  if (left < HEADER_SIZE + length) return 0;
  frame(connection, id, type_and_stream & 0xff, type_and_stream >> 8, at + HEADER_SIZE, length);
  return HEADER_SIZE + length;
}

/* What a refused host still sends is taken and dropped: unread, it would turn the close into a reset, and the refusal
   would be lost. */
static void linger(struct connection *connection) {
  ssize_t got = read(connection->fd, connection->input, HEADER_SIZE + MAX_PAYLOAD);
  if (got > 0) return; /* no more in one turn: who sends without end must not hold up the others */
  if (got == 0 || (errno != EAGAIN && errno != EINTR)) connection->dead = true;
}

void connection_readable(struct connection *connection) {
  if (connection->closing) {
    linger(connection);
    return;
  }
  size_t room = HEADER_SIZE + MAX_PAYLOAD - connection->input_length;
  if (room == 0) return;
  ssize_t got = read(connection->fd, connection->input + connection->input_length, room);
  if (got > 0) connection->input_length += got;
  else if (got == 0 || (errno != EAGAIN && errno != EINTR)) connection->dead = true;
}

bool connection_frames(struct connection *connection) {
  size_t used = 0, size;
  while ((size = next_frame(connection, connection->input + used, connection->input_length - used)) > 0) used += size;
  memmove(connection->input, connection->input + used, connection->input_length - used);
  connection->input_length -= used;
  return used > 0;
}

void connection_flush(struct connection *connection) {
  while (connection->output.length > 0 && !connection->dead) {
    ssize_t sent = send(connection->fd, queue_front(&connection->output), connection->output.length, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && errno == EAGAIN) return;
    if (sent <= 0) connection->dead = true;
    else queue_taken(&connection->output, sent);
  }
  if (connection->closing && !connection->linger_until_ms && !connection->dead) {
    while (connection->channels) channel_hang_up(connection->channels);
    shutdown(connection->fd, SHUT_WR);
    connection->linger_until_ms = now_ms() + LINGER_MS;
  }
}

int connections_timeout_ms(void) {
  int timeout_ms = -1;
  for (struct connection *connection = connections.first; connection; connection = connection->next) {
    if (!connection->linger_until_ms) continue;
    int left = ms_until(connection->linger_until_ms);
    if (timeout_ms < 0 || left < timeout_ms) timeout_ms = left;
  }
  return timeout_ms;
}

static void connection_free(struct connection *connection) {
  while (connection->channels) channel_hang_up(connection->channels);
  close(connection->fd);
  queue_free(&connection->output);
  free(connection->input);
  free(connection);
  connections.count--;
}

void connections_sweep(void) {
  for (struct connection **link = &connections.first; *link;) {
    struct connection *connection = *link;
    bool lingered = connection->linger_until_ms && ms_until(connection->linger_until_ms) == 0;
    if (!connection->dead && !lingered) {
      link = &connection->next;
      continue;
    }
    *link = connection->next;
    connection_free(connection);
  }
}
