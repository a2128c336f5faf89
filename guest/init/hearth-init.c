/* hearth-init: PID 1 and agent of a Hearth guest. Started without arguments as PID 1 it boots the machine and serves
   the host over vsock (docs/agent-protocol.md). `--agent` only serves, beside another init; `--listen-unix PATH`
   serves on a Unix socket as an ordinary process, for tests. One thread, one poll loop, nothing in it blocks.
   Signals to PID 1, as busybox' commands send them: USR1, USR2, PWR, INT power off, TERM resets. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/reboot.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent.h"
#include "boot.h"
#include "linux-abi.h"

enum { DEFAULT_GRACE_MS = 2000 };

static pid_t shell_pid;

static int listen_vsock(void) {
  struct vsock_address address = {.family = AF_VSOCK, .cid = VSOCK_CID_ANY, .port = AGENT_PORT};
  int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) != 0 || listen(fd, MAX_CONNECTIONS) != 0) {
    say("no agent, vsock: %s", strerror(errno));
    if (fd >= 0) close(fd);
    return -1;
  }
  return fd;
}

static int listen_unix(const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (strlen(path) >= sizeof address.sun_path) return -1;
  strcpy(address.sun_path, path);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) != 0 || listen(fd, MAX_CONNECTIONS) != 0) return -1;
  return fd;
}

/* Tells a host that does not want to poll: one connection attempt, whose outcome does not matter. */
static int announce(unsigned port) {
  struct vsock_address host = {.family = AF_VSOCK, .cid = VSOCK_CID_HOST, .port = port};
  int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd >= 0 && connect(fd, (struct sockaddr *)&host, sizeof host) != 0 && errno != EINPROGRESS) {
    close(fd);
    fd = -1;
  }
  return fd;
}

static int watch_signals(void) {
  sigset_t watched;
  sigemptyset(&watched);
  const int numbers[] = {SIGCHLD, SIGTERM, SIGINT, SIGPWR, SIGUSR1, SIGUSR2};
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) sigaddset(&watched, numbers[i]);
  sigprocmask(SIG_BLOCK, &watched, NULL);
  signal(SIGPIPE, SIG_IGN);
  return signalfd(-1, &watched, SFD_NONBLOCK | SFD_CLOEXEC);
}

static void reap(void) {
  int status;
  pid_t pid;
  while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
    if (pid == shell_pid) shut_down(SHUTDOWN_POWER_OFF, DEFAULT_GRACE_MS);
    channels_reaped(pid, status);
  }
}

static void take_signals(int signals) {
  struct signalfd_siginfo info;
  while (read(signals, &info, sizeof info) == sizeof info)
    if (info.ssi_signo != SIGCHLD)
      shut_down(info.ssi_signo == SIGTERM ? SHUTDOWN_RESET : SHUTDOWN_POWER_OFF, DEFAULT_GRACE_MS);
  reap();
}

/* The poll table is rebuilt for each turn: simple, and an idle machine has next to nothing in it. */
enum { FIXED_POLLS = 3 + KEY_POLLS };

static struct pollfd *table;
static size_t table_size;

static bool table_holds(size_t count) {
  if (count <= table_size) return true;
  struct pollfd *larger = realloc(table, count * sizeof *table);
  if (!larger) return false;
  table = larger;
  table_size = count;
  return true;
}

static size_t entries_needed(void) {
  size_t count = FIXED_POLLS;
  for (struct connection *connection = connections.first; connection; connection = connection->next)
    count += 1 + CHANNEL_POLLS * connection->channel_count;
  return count;
}

static size_t fill_table(int signals, int listener, int announcing) {
  size_t used = 0;
  table[used++] = (struct pollfd){.fd = signals, .events = POLLIN};
  table[used++] = (struct pollfd){.fd = listener, .events = POLLIN};
  table[used++] = (struct pollfd){.fd = announcing, .events = POLLOUT};
  keys_want(table + used);
  used += KEY_POLLS;
  for (struct connection *connection = connections.first; connection; connection = connection->next) {
    short events = (connection->closing || connection_has_room(connection) ? POLLIN : 0) | (connection->output.length > 0 ? POLLOUT : 0);
    table[used++] = (struct pollfd){.fd = connection->fd, .events = events};
    for (struct channel *channel = connection->channels; channel; channel = channel->next, used += CHANNEL_POLLS)
      channel_want(channel, table + used);
  }
  return used;
}

/* Same walk as fill_table. Channels first: frames may open new ones, which have no entry yet. */
static void act_on_table(void) {
  size_t used = FIXED_POLLS;
  for (struct connection *connection = connections.first; connection; connection = connection->next) {
    const struct pollfd *entry = &table[used++];
    for (struct channel *channel = connection->channels; channel; channel = channel->next, used += CHANNEL_POLLS)
      channel_act(channel, table + used);
    if (entry->revents & (POLLIN | POLLHUP | POLLERR)) connection_readable(connection);
  }
}

static void finish_turn(void) {
  for (struct connection *connection = connections.first; connection; connection = connection->next) {
    for (struct channel *channel = connection->channels, *next; channel; channel = next) {
      next = channel->next;
      channel_finish(channel);
    }
    do connection_flush(connection);
    while (connection_frames(connection));
  }
  connections_sweep();
}

/* The earlier of two poll timeouts, where -1 is never. */
static int earlier(int a, int b) { return a < 0 || (b >= 0 && b < a) ? b : a; }

static _Noreturn void serve(int signals, int listener, bool host_only, int announcing) {
  for (;;) {
    if (!table_holds(entries_needed())) continue; /* out of memory: the killer is at work */
    if (poll(table, fill_table(signals, listener, announcing), earlier(keys_timeout_ms(), connections_timeout_ms())) < 0) continue;
    bool signalled = table[0].revents, connecting = table[1].revents;
    if (table[2].revents) {
      close(announcing);
      announcing = -1;
    }
    if (keys_act(table + 3)) shut_down(SHUTDOWN_POWER_OFF, DEFAULT_GRACE_MS);
    keys_look();
    act_on_table();
    if (signalled) take_signals(signals);
    connections_sweep(); /* who left makes room for who comes */
    if (connecting) connection_accept(listener, host_only);
    finish_turn();
  }
}

/* Becomes the image's own init; the agent goes on in a child. */
static void hand_over(const char *init) {
  pid_t pid = fork();
  if (pid == 0) {
    setsid();
    return;
  }
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  signal(SIGPIPE, SIG_DFL);
  execl(init, init, (char *)NULL);
  say("cannot run %s: %s", init, strerror(errno));
  shut_down(SHUTDOWN_POWER_OFF, 0);
}

static _Noreturn void run_machine(bool first_process) {
  struct options options = {0};
  owns_machine = true;
  if (first_process) {
    reboot(RB_DISABLE_CAD);
    boot(&options);
    if (options.init[0]) hand_over(options.init);
  }
  int signals = watch_signals();
  int listener = listen_vsock();
  int announcing = options.ready_port && listener >= 0 ? announce(options.ready_port) : -1;
  if (!options.quiet && first_process) say("ready");
  if (first_process && !options.no_shell && !options.init[0]) shell_pid = start_console_shell();
  if (first_process && !options.init[0]) keys_start();
  serve(signals, listener, true, announcing);
}

int main(int count, char **arguments) {
  if (count == 1 && getpid() == 1) run_machine(true);
  if (count == 2 && strcmp(arguments[1], "--agent") == 0) run_machine(false);
  if (count == 3 && strcmp(arguments[1], "--listen-unix") == 0) {
    int signals = watch_signals();
    int listener = listen_unix(arguments[2]);
    if (listener >= 0) serve(signals, listener, false, -1);
    perror(arguments[2]);
    return 1;
  }
  fprintf(stderr, "usage: hearth-init (as PID 1) | --agent | --listen-unix PATH\n");
  return 2;
}
