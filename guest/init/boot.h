/* What PID 1 does before it serves: file systems, root, host name, loopback, console. */
#ifndef HEARTH_BOOT_H
#define HEARTH_BOOT_H

#include <poll.h>
#include <stdbool.h>
#include <sys/types.h>

enum { MAX_MOUNTS = 32 };

/* The options of the kernel command line. Empty or 0: not given. */
struct options {
  char root[128];          /* hearth.root or root: block device to use as root instead of the initramfs */
  char root_type[32];      /* hearth.rootfstype or rootfstype; else ext4, squashfs and erofs are tried */
  char root_flags[128];    /* hearth.rootflags or rootflags: ro, and options of the file system */
  bool overlay;            /* hearth.overlay: writes go to memory, the device is only read */
  char host_name[65];      /* hearth.hostname */
  char init[128];          /* hearth.init: program to become PID 1; the agent then runs beside it */
  bool no_shell;           /* hearth.console=off: no shell on the console */
  bool quiet;              /* the kernel's own `quiet`: say nothing but errors */
  unsigned ready_port;     /* hearth.ready */
  char mounts[MAX_MOUNTS][160]; /* hearth.mount=DEVICE:DIRECTORY[:TYPE[:OPTIONS]], in order */
  unsigned mount_count;
};

/* options.c: reads /proc/cmdline. */
void read_options(struct options *options);

/* boot.c: everything from the first mount to the loopback interface. */
void boot(struct options *options);
/* Starts a shell on the active console. Its pid, or -1. */
pid_t start_console_shell(void);
/* Says something on the console. */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* root.c: makes the device of `options` the root, if the root is the initramfs still. False after saying why not. */
bool switch_root(const struct options *options);
/* Mounts a device, trying the usual file systems if `type` is empty. 0, or -1 with errno set. */
int mount_device(const char *device, const char *directory, const char *type, const char *flags);

/* keys.c: the machine's keyboard and power button, looked for a while after keys_start. */
enum { KEY_POLLS = 4 };
void keys_start(void);
/* How long until keys_look has something to do; -1: never. */
int keys_timeout_ms(void);
void keys_look(void);
void keys_want(struct pollfd polls[KEY_POLLS]);
/* True if somebody asked for the end of the machine. */
bool keys_act(const struct pollfd polls[KEY_POLLS]);

#endif
