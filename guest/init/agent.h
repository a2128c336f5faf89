/* The agent's two objects, connections and channels, and what its files offer each other. */
#ifndef HEARTH_AGENT_H
#define HEARTH_AGENT_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "bytes.h"
#include "protocol.h"

struct channel;

/* One host client. */
struct connection {
  struct connection *next;
  int fd;
  bool greeted;         /* HELLO was good */
  bool closing;         /* refused: flush what waits, then read until the host has closed too */
  bool dead;            /* drop now */
  int64_t linger_until_ms; /* set once the refusal is flushed */
  uint32_t host_window; /* what the host grants to each of our streams */
  uint8_t *input;       /* HEADER_SIZE + MAX_PAYLOAD bytes */
  size_t input_length;
  struct queue output;
  struct channel *channels;
  unsigned channel_count;
};

/* One stream from a child process to the host. */
struct outflow {
  int fd; /* -1: none, or ended */
  bool open;
  uint32_t credit;
};

/* One request that is served by a child process. */
struct channel {
  struct channel *next;
  struct connection *connection;
  uint32_t id;
  bool program;   /* EXEC, not work of our own */
  bool cancelled;
  bool reaped;
  pid_t pid;
  int wait_status;
  int terminal;   /* the PTY's master, or -1 */
  int input_fd;   /* stream 0 goes here; -1: nobody reads it, what comes is dropped */
  bool input_ended;
  uint32_t input_credit; /* what the host may still send */
  uint32_t input_owed;   /* passed on, not yet returned as credit */
  struct queue input;
  struct outflow out[2]; /* streams 1 and 2 */
  int report_fd;         /* where the child says how it ended: the payload of END */
  struct queue report;
};

/* What a child needs to be started: see child.c. */
struct child_streams {
  bool terminal;
  bool input;
  bool output;
  bool errors;
  uint16_t rows, columns;
};

/* Runs in the child, never returns; `report` takes an END payload (close-on-exec). */
typedef void child_work(int report, const void *request);

struct connections {
  struct connection *first;
  unsigned count;
};
extern struct connections connections;

/* connection.c: frames */
void connection_accept(int listener, bool host_only);
void connection_readable(struct connection *connection);
/* Acts on the frames that are complete, as far as there is room for their replies. True if there was one. */
bool connection_frames(struct connection *connection);
void connection_flush(struct connection *connection);
/* When connections_sweep has something to do without an event; -1: never. */
int connections_timeout_ms(void);
void connections_sweep(void);
/* False while so much output waits that nothing more may be produced. */
bool connection_has_room(const struct connection *connection);
void send_frame(struct connection *to, uint32_t channel, uint8_t type, uint8_t stream, const void *payload, size_t size);
void send_end(struct connection *to, uint32_t channel, uint8_t kind, uint8_t stage, int32_t value, const void *rest, size_t size);
void refuse(struct connection *connection, enum refusal reason, const char *text);

/* channel.c: streams, credit and ends */
struct channel *channel_find(const struct connection *connection, uint32_t id);
void channel_open(struct connection *connection, uint32_t id, bool program, const struct child_streams *streams,
                  child_work *work, const void *request);
void channel_frame(struct channel *channel, uint8_t type, uint8_t stream, const uint8_t *payload, size_t size);
/* Fills in up to CHANNEL_POLLS entries, and acts on them after poll. */
enum { CHANNEL_POLLS = 4 };
void channel_want(struct channel *channel, struct pollfd polls[CHANNEL_POLLS]);
void channel_act(struct channel *channel, const struct pollfd polls[CHANNEL_POLLS]);
/* Sends END and frees the channel if nothing is left to do. True if so. */
bool channel_finish(struct channel *channel);
void channel_hang_up(struct channel *channel);
void channels_reaped(pid_t pid, int status);

/* child.c: processes */
pid_t child_start(struct channel *channel, const struct child_streams *streams, child_work *work, const void *request);
/* For the child: reports END and exits. */
_Noreturn void report_failed(int report, enum stage stage, int error, const char *what);
_Noreturn void report_done(int report, const void *result, size_t size);

/* request.c: requests */
void request_frame(struct connection *connection, uint32_t id, uint8_t type, const uint8_t *payload, size_t size);

/* power.c: the end */
_Noreturn void shut_down(int action, unsigned grace_ms);

/* Set once in main: whether this process may shut the machine down. */
extern bool owns_machine;

#endif
