/* EXEC in the child: user, directory, environment, then the program as execvp would find it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent.h"
#include "user.h"
#include "work.h"

static const char DEFAULT_PATH[] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

static void set_environment(const struct exec_request *request, const struct user *user) {
  clearenv();
  if (!(request->flags & EXEC_BARE_ENV)) {
    char host[65] = "";
    gethostname(host, sizeof host - 1);
    setenv("PATH", DEFAULT_PATH, 1);
    setenv("HOME", user->home, 1);
    setenv("SHELL", user->shell, 1);
    setenv("HOSTNAME", host, 1);
    if (user->name[0]) setenv("USER", user->name, 1);
    if (user->name[0]) setenv("LOGNAME", user->name, 1);
    if (request->flags & EXEC_TERMINAL) setenv("TERM", "xterm-256color", 1);
  }
  for (char **entry = request->environment; *entry; entry++)
    if (strchr(*entry, '=') > *entry) putenv(*entry);
}

static void enter_directory(int report, const struct exec_request *request, const struct user *user) {
  if (request->directory[0]) {
    if (chdir(request->directory) != 0) report_failed(report, STAGE_DIRECTORY, errno, request->directory);
  } else if (chdir(user->home) != 0 && chdir("/") != 0) {
    report_failed(report, STAGE_DIRECTORY, errno, "/");
  }
}

/* An executable text without `#!` is a shell script, as for every shell and execvp. */
static void run_file(const char *file, char **arguments) {
  execv(file, arguments);
  if (errno != ENOEXEC) return;
  size_t count = 0;
  while (arguments[count]) count++;
  char **shell = calloc(count + 2, sizeof *shell);
  if (!shell) return;
  shell[0] = "/bin/sh";
  shell[1] = (char *)file;
  memcpy(shell + 2, arguments + 1, count * sizeof *shell);
  execv(shell[0], shell);
  errno = ENOEXEC;
}

/* Tries every directory of PATH; a file that may not be run is only remembered. Returns errno. */
static int run_by_path(char **arguments) {
  const char *path = getenv("PATH");
  bool denied = false;
  for (const char *at = path ? path : DEFAULT_PATH; at;) {
    const char *end = strchrnul(at, ':');
    char file[4096];
    int length = snprintf(file, sizeof file, "%.*s%s%s", (int)(end - at), at, end > at ? "/" : "", arguments[0]);
    at = *end ? end + 1 : NULL;
    if (length >= (int)sizeof file) continue;
    run_file(file, arguments);
    if (errno == EACCES) denied = true;
    else if (errno != ENOENT && errno != ENOTDIR) return errno;
  }
  return denied ? EACCES : ENOENT;
}

void run_program(int report, const void *exec_request) {
  const struct exec_request *request = exec_request;
  struct user user;
  if (!user_find(request->user, &user)) report_failed(report, STAGE_USER, errno, request->user);
  if (request->flags & EXEC_TERMINAL) {
    if (fchown(0, user.uid, user.gid) != 0 || fchmod(0, 0620) != 0) errno = 0; /* not root: it is ours already */
  }
  if (!user_become(&user)) report_failed(report, STAGE_USER, errno, request->user);
  set_environment(request, &user);
  enter_directory(report, request, &user);

  const char *name = request->arguments[0];
  int error = ENOENT;
  if (strchr(name, '/')) {
    run_file(name, request->arguments);
    error = errno;
  } else if (*name) {
    error = run_by_path(request->arguments);
  }
  report_failed(report, STAGE_PROGRAM, error, name);
}
