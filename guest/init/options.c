/* The kernel command line: the hearth.* options, which the kernel ignores, and what it says about the root. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "boot.h"

static void copy(char *to, size_t size, const char *value) { snprintf(to, size, "%s", value); }

static void take_option(struct options *options, const char *name, const char *value) {
  if (strcmp(name, "root") == 0) copy(options->root, sizeof options->root, value);
  else if (strcmp(name, "rootfstype") == 0) copy(options->root_type, sizeof options->root_type, value);
  else if (strcmp(name, "rootflags") == 0) copy(options->root_flags, sizeof options->root_flags, value);
  else if (strcmp(name, "overlay") == 0) options->overlay = strcmp(value, "0") != 0;
  else if (strcmp(name, "hostname") == 0) copy(options->host_name, sizeof options->host_name, value);
  else if (strcmp(name, "init") == 0) copy(options->init, sizeof options->init, value);
  else if (strcmp(name, "console") == 0) options->no_shell = strcmp(value, "off") == 0;
  else if (strcmp(name, "ready") == 0) options->ready_port = strtoul(value, NULL, 10);
  else if (strcmp(name, "mount") == 0 && options->mount_count < MAX_MOUNTS)
    copy(options->mounts[options->mount_count++], sizeof options->mounts[0], value);
}

/* The kernel leaves root=, rootfstype= and rootflags= to whoever is init of the initramfs. */
static bool is_root_option(const char *name) {
  return strcmp(name, "root") == 0 || strcmp(name, "rootfstype") == 0 || strcmp(name, "rootflags") == 0;
}

void read_options(struct options *options) {
  static char line[4096];
  memset(options, 0, sizeof *options);
  int fd = open("/proc/cmdline", O_RDONLY | O_CLOEXEC);
  ssize_t length = fd < 0 ? 0 : read(fd, line, sizeof line - 1);
  if (fd >= 0) close(fd);
  line[length > 0 ? length : 0] = 0;

  for (char *word = strtok(line, " \n"); word; word = strtok(NULL, " \n")) {
    if (strcmp(word, "quiet") == 0) options->quiet = true;
    if (strcmp(word, "--") == 0) break;
    char *value = strchr(word, '=');
    if (value) *value++ = 0;
    if (strncmp(word, "hearth.", 7) == 0) take_option(options, word + 7, value ? value : "");
    else if (is_root_option(word)) take_option(options, word, value ? value : "");
  }
}
