/* Channels: moving bytes between the host and a child's pipes or terminal under credit, and saying how it ended. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "agent.h"

enum { MAX_REPORT = MAX_PAYLOAD, RETURN_CREDIT_AT = WINDOW / 4 };

struct channel *channel_find(const struct connection *connection, uint32_t id) {
  struct channel *channel = connection->channels;
  while (channel && channel->id != id) channel = channel->next;
  return channel;
}

static void close_fd(int *fd) {
  if (*fd >= 0) close(*fd);
  *fd = -1;
}

static void channel_free(struct channel *channel) {
  struct channel **link = &channel->connection->channels;
  while (*link != channel) link = &(*link)->next;
  *link = channel->next;
  channel->connection->channel_count--;
  if (channel->input_fd != channel->terminal) close_fd(&channel->input_fd);
  for (int i = 0; i < 2; i++)
    if (channel->out[i].fd != channel->terminal) close_fd(&channel->out[i].fd);
  close_fd(&channel->terminal);
  close_fd(&channel->report_fd);
  queue_free(&channel->input);
  queue_free(&channel->report);
  free(channel);
}

void channel_open(struct connection *connection, uint32_t id, bool program, const struct child_streams *streams,
                  child_work *work, const void *request) {
  struct channel *channel = calloc(1, sizeof *channel);
  if (!channel) {
    send_end(connection, id, END_FAILED, STAGE_RESOURCES, ENOMEM, "out of memory", 13);
    return;
  }
  *channel = (struct channel){
      .next = connection->channels, .connection = connection, .id = id, .program = program, .terminal = -1,
      .input_fd = -1, .input_credit = WINDOW, .out = {{.fd = -1}, {.fd = -1}}, .report_fd = -1};
  connection->channels = channel;
  connection->channel_count++;
  channel->pid = child_start(channel, streams, work, request);
  if (channel->pid < 0) {
    const char *text = strerror(errno);
    send_end(connection, id, END_FAILED, STAGE_RESOURCES, errno, text, strlen(text));
    channel_free(channel);
    return;
  }
  for (int i = 0; i < 2; i++) {
    channel->out[i].open = channel->out[i].fd >= 0;
    channel->out[i].credit = connection->host_window;
  }
}

/* A group exists from the child's setsid on; before that there is only the child. */
static void signal_group(const struct channel *channel, pid_t group, int number) {
  if (channel->reaped) return;
  if (kill(-group, number) != 0 && group == channel->pid) kill(channel->pid, number);
}

static void signal_channel(const struct channel *channel, uint32_t number) {
  if (!channel->program || number < 1 || number > 64) return;
  pid_t foreground = channel->terminal >= 0 ? tcgetpgrp(channel->terminal) : -1;
  signal_group(channel, foreground > 1 ? foreground : channel->pid, number);
}

static void cancel(struct channel *channel) {
  channel->cancelled = true;
  signal_group(channel, channel->pid, SIGKILL);
}

/* Bytes of stream 0 have reached the child, or nobody will ever read them. */
static void return_credit(struct channel *channel, uint32_t size) {
  channel->input_owed += size;
  if (channel->input_owed < RETURN_CREDIT_AT || channel->input_ended) return;
  send_frame(channel->connection, channel->id, FRAME_CREDIT, STREAM_IN, &channel->input_owed, sizeof(uint32_t));
  channel->input_credit += channel->input_owed;
  channel->input_owed = 0;
}

static void drop_input(struct channel *channel) {
  if (channel->input_fd != channel->terminal) close_fd(&channel->input_fd);
  channel->input_fd = -1;
  uint32_t dropped = channel->input.length;
  queue_free(&channel->input);
  return_credit(channel, dropped);
}

static void input_data(struct channel *channel, const uint8_t *payload, size_t size) {
  if (size > channel->input_credit) {
    refuse(channel->connection, REFUSE_CREDIT, "more data than credit");
    return;
  }
  channel->input_credit -= size;
  if (channel->input_fd < 0) return_credit(channel, size);
  else if (!put_bytes(&channel->input, payload, size)) channel->connection->dead = true;
}

static void resize(const struct channel *channel, uint16_t rows, uint16_t columns) {
  struct winsize size = {.ws_row = rows, .ws_col = columns};
  if (channel->terminal >= 0) ioctl(channel->terminal, TIOCSWINSZ, &size);
}

static void add_credit(struct channel *channel, uint8_t stream, uint32_t more) {
  struct outflow *flow = &channel->out[stream - STREAM_OUT];
  if (flow->credit + (uint64_t)more > UINT32_MAX) refuse(channel->connection, REFUSE_CREDIT, "credit overflows");
  else flow->credit += more;
}

static void type_end_of_file(struct channel *channel) {
  struct termios settings;
  uint8_t key = 4;
  if (tcgetattr(channel->terminal, &settings) == 0) key = settings.c_cc[VEOF];
  if (write(channel->terminal, &key, 1) < 0) return; /* full of unread input: nobody is waiting for the end */
}

/* Hands the end of stream 0 on once everything before it has been. */
static void end_input(struct channel *channel) {
  if (channel->input_fd < 0 || !channel->input_ended || channel->input.length > 0) return;
  if (channel->input_fd == channel->terminal) type_end_of_file(channel);
  drop_input(channel);
}

void channel_frame(struct channel *channel, uint8_t type, uint8_t stream, const uint8_t *payload, size_t size) {
  struct reader reader = {.at = payload, .left = size};
  bool good = true;
  if (type == FRAME_DATA) {
    good = stream == STREAM_IN && size > 0 && !channel->input_ended;
    if (good) input_data(channel, payload, size);
  } else if (type == FRAME_EOF) {
    good = stream == STREAM_IN && !channel->input_ended;
    if (good) {
      channel->input_ended = true;
      end_input(channel);
    }
  } else if (type == FRAME_CREDIT) {
    uint32_t more = take_u32(&reader);
    good = (stream == STREAM_OUT || stream == STREAM_ERR) && !reader.bad;
    if (good) add_credit(channel, stream, more);
  } else if (type == FRAME_SIGNAL) {
    uint32_t number = take_u32(&reader);
    good = !reader.bad;
    if (good) signal_channel(channel, number);
  } else if (type == FRAME_RESIZE) {
    uint16_t rows = take_u16(&reader), columns = take_u16(&reader);
    good = !reader.bad;
    if (good) resize(channel, rows, columns);
  } else if (!channel->cancelled) {
    cancel(channel);
  }
  if (!good) refuse(channel->connection, REFUSE_MALFORMED, "malformed channel frame");
}

void channel_want(struct channel *channel, struct pollfd polls[CHANNEL_POLLS]) {
  bool room = connection_has_room(channel->connection);
  for (int i = 0; i < 2; i++) {
    const struct outflow *flow = &channel->out[i];
    bool wanted = flow->open && !channel->cancelled && room && flow->credit > 0;
    polls[i] = (struct pollfd){.fd = wanted ? flow->fd : -1, .events = POLLIN};
  }
  /* A pipe without data waiting is watched too (for POLLERR): its reader may go away. A terminal's hang-up comes by its output. */
  bool pipe = channel->input_fd >= 0 && channel->input_fd != channel->terminal;
  bool waiting = channel->input.length > 0;
  polls[2] = (struct pollfd){.fd = waiting || pipe ? channel->input_fd : -1, .events = waiting ? POLLOUT : 0};
  polls[3] = (struct pollfd){.fd = channel->report_fd, .events = POLLIN};
}

static void end_output(struct channel *channel, int i) {
  struct outflow *flow = &channel->out[i];
  if (!flow->open) return;
  flow->open = false;
  if (flow->fd != channel->terminal) close_fd(&flow->fd);
  flow->fd = -1;
  send_frame(channel->connection, channel->id, FRAME_EOF, STREAM_OUT + i, NULL, 0);
}

static void move_output(struct channel *channel, int i) {
  static uint8_t chunk[32768];
  struct outflow *flow = &channel->out[i];
  ssize_t got = read(flow->fd, chunk, flow->credit < sizeof chunk ? flow->credit : sizeof chunk);
  if (got > 0) {
    flow->credit -= got;
    send_frame(channel->connection, channel->id, FRAME_DATA, STREAM_OUT + i, chunk, got);
  } else if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
    end_output(channel, i); /* a terminal whose other end is closed says EIO */
  }
}

static void move_input(struct channel *channel) {
  ssize_t written = write(channel->input_fd, queue_front(&channel->input), channel->input.length);
  if (written > 0) {
    queue_taken(&channel->input, written);
    return_credit(channel, written);
  } else if (written < 0 && errno != EAGAIN && errno != EINTR) {
    drop_input(channel);
  }
}

static void move_report(struct channel *channel) {
  uint8_t chunk[4096];
  ssize_t got = read(channel->report_fd, chunk, sizeof chunk);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got > 0 && channel->report.length + got <= MAX_REPORT && put_bytes(&channel->report, chunk, got)) return;
  close_fd(&channel->report_fd);
  if (!channel->program || channel->report.length > 0) return;
  uint32_t pid = channel->pid;
  send_frame(channel->connection, channel->id, FRAME_STARTED, 0, &pid, sizeof pid);
}

void channel_act(struct channel *channel, const struct pollfd polls[CHANNEL_POLLS]) {
  if (polls[3].revents && channel->report_fd >= 0) move_report(channel);
  for (int i = 0; i < 2; i++)
    if (polls[i].revents && channel->out[i].open) move_output(channel, i);
  if (channel->input_fd >= 0) {
    if (polls[2].revents & POLLOUT) move_input(channel);
    else if (polls[2].revents & (POLLERR | POLLHUP)) drop_input(channel);
  }
  end_input(channel);
}

/* After the child is gone: whether a stream holds nothing more. What background children write later does not count. */
static bool is_drained(const struct outflow *flow) {
  struct pollfd one = {.fd = flow->fd, .events = POLLIN};
  return poll(&one, 1, 0) == 0 || !(one.revents & POLLIN);
}

bool channel_finish(struct channel *channel) {
  if (!channel->reaped || channel->report_fd >= 0) return false;
  for (int i = 0; i < 2; i++) {
    struct outflow *flow = &channel->out[i];
    if (flow->open && (channel->cancelled || is_drained(flow))) end_output(channel, i);
    if (flow->open) return false;
  }
  struct connection *connection = channel->connection;
  int status = channel->wait_status;
  if (channel->report.length >= 8)
    send_frame(connection, channel->id, FRAME_END, 0, queue_front(&channel->report), channel->report.length);
  else if (channel->program && WIFEXITED(status))
    send_end(connection, channel->id, END_EXITED, 0, WEXITSTATUS(status), NULL, 0);
  else if (channel->program)
    send_end(connection, channel->id, END_SIGNALLED, 0, WTERMSIG(status), NULL, 0);
  else if (channel->cancelled)
    send_end(connection, channel->id, END_CANCELLED, 0, 0, NULL, 0);
  else
    send_end(connection, channel->id, END_FAILED, STAGE_RESOURCES, EIO, "the agent's worker died", 23);
  channel_free(channel);
  return true;
}

void channel_hang_up(struct channel *channel) {
  if (channel->program) {
    signal_group(channel, channel->pid, SIGHUP);
    signal_group(channel, channel->pid, SIGCONT);
  } else {
    signal_group(channel, channel->pid, SIGKILL);
  }
  channel_free(channel);
}

void channels_reaped(pid_t pid, int status) {
  for (struct connection *connection = connections.first; connection; connection = connection->next)
    for (struct channel *channel = connection->channels; channel; channel = channel->next)
      if (channel->pid == pid && !channel->reaped) {
        channel->reaped = true;
        channel->wait_status = status;
        return;
      }
}
