/* PID 1's first steps. A step that fails is said on the console and the rest goes on: a machine that
   can be looked at is better than a panic. Only a root that cannot be mounted ends the machine. */
#include "boot.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent.h"

void say(const char *format, ...) {
  char text[512];
  va_list arguments;
  va_start(arguments, format);
  int length = vsnprintf(text, sizeof text - 1, format, arguments);
  va_end(arguments);
  if (length < 0) return;
  if (length > (int)sizeof text - 2) length = sizeof text - 2;
  text[length++] = '\n';
  write_all(STDERR_FILENO, "hearth-init: ", 13);
  write_all(STDERR_FILENO, text, length);
}

static void mount_system(const char *type, const char *directory, unsigned long flags, const char *options) {
  mkdir(directory, 0755);
  /* EBUSY: the kernel or the image's own start-up has mounted it already. */
  if (mount(type, directory, type, flags, options) != 0 && errno != EBUSY)
    say("cannot mount %s: %s", directory, strerror(errno));
}

static void open_console(void) {
  int fd = open("/dev/console", O_RDWR | O_NOCTTY);
  if (fd < 0) fd = open("/dev/null", O_RDWR);
  if (fd < 0) return;
  for (int i = 0; i < 3; i++)
    if (fd != i) dup2(fd, i);
  if (fd > 2) close(fd);
}

static void set_host_name(const struct options *options) {
  char name[65] = "";
  if (options->host_name[0]) {
    snprintf(name, sizeof name, "%s", options->host_name);
  } else {
    int fd = open("/etc/hostname", O_RDONLY | O_CLOEXEC);
    ssize_t length = fd < 0 ? 0 : read(fd, name, sizeof name - 1);
    if (fd >= 0) close(fd);
    name[length > 0 ? length : 0] = 0;
    name[strcspn(name, " \t\n")] = 0;
  }
  if (name[0] && sethostname(name, strlen(name)) != 0) say("cannot set the host name: %s", strerror(errno));
}

static void loopback_up(void) {
  struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP};
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &request) != 0) say("cannot start the loopback interface: %s", strerror(errno));
  if (fd >= 0) close(fd);
}

static void mount_asked(const char *text) {
  char copy[160], *fields[4] = {"", "", "", ""};
  snprintf(copy, sizeof copy, "%s", text);
  char *at = copy;
  for (int i = 0; i < 4 && at; i++) fields[i] = i < 3 ? strsep(&at, ":") : at;
  if (!*fields[0] || !*fields[1]) {
    say("hearth.mount=%s: expected DEVICE:DIRECTORY[:TYPE[:OPTIONS]]", text);
    return;
  }
  mkdir(fields[1], 0755);
  if (mount_device(fields[0], fields[1], fields[2], fields[3] ? fields[3] : "") != 0)
    say("cannot mount %s on %s: %s", fields[0], fields[1], strerror(errno));
}

static void mount_rest(const struct options *options) {
  mount_system("sysfs", "/sys", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
  mount_system("cgroup2", "/sys/fs/cgroup", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
  mount_system("devpts", "/dev/pts", MS_NOSUID | MS_NOEXEC, "gid=5,mode=620,ptmxmode=666");
  mount_system("tmpfs", "/dev/shm", MS_NOSUID | MS_NODEV, "mode=1777");
  mount_system("tmpfs", "/run", MS_NOSUID | MS_NODEV, "mode=755");
  symlink("/proc/self/fd", "/dev/fd");
  symlink("/proc/self/fd/0", "/dev/stdin");
  symlink("/proc/self/fd/1", "/dev/stdout");
  symlink("/proc/self/fd/2", "/dev/stderr");
  for (unsigned i = 0; i < options->mount_count; i++) mount_asked(options->mounts[i]);
}

void boot(struct options *options) {
  umask(0);
  mount_system("devtmpfs", "/dev", MS_NOSUID, "mode=755");
  mount_system("proc", "/proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
  open_console();
  read_options(options);
  if (options->root[0] && !switch_root(options)) shut_down(SHUTDOWN_POWER_OFF, 0);
  mount_rest(options);
  umask(022);
  set_host_name(options);
  loopback_up();
}

/* The device behind /dev/console: only that, not /dev/console itself, can control a session. */
static int open_active_console(void) {
  char names[128] = "", path[140];
  int fd = open("/sys/class/tty/console/active", O_RDONLY | O_CLOEXEC);
  ssize_t length = fd < 0 ? 0 : read(fd, names, sizeof names - 1);
  if (fd >= 0) close(fd);
  names[length > 0 ? length : 0] = 0;
  names[strcspn(names, "\n")] = 0;
  const char *last = strrchr(names, ' ');
  snprintf(path, sizeof path, "/dev/%s", last ? last + 1 : names);
  fd = names[0] ? open(path, O_RDWR) : -1;
  return fd >= 0 ? fd : open("/dev/console", O_RDWR);
}

static _Noreturn void become_shell(void) {
  static const char *const SHELLS[][2] = {{"/bin/bash", "-bash"}, {"/bin/sh", "-sh"}};
  setsid();
  int fd = open_active_console();
  for (int i = 0; i < 3; i++) dup2(fd, i);
  if (fd > 2) close(fd);
  ioctl(0, TIOCSCTTY, 0);
  setenv("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", 1);
  setenv("HOME", "/root", 1);
  setenv("TERM", "vt100", 0);
  if (chdir("/root") != 0 && chdir("/") != 0) say("no directory: %s", strerror(errno));
  for (int i = 0; i < 2; i++) execl(SHELLS[i][0], SHELLS[i][1], (char *)NULL);
  say("no shell: %s", strerror(errno));
  _exit(127);
}

pid_t start_console_shell(void) {
  pid_t pid = fork();
  if (pid == 0) {
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    become_shell();
  }
  return pid;
}
