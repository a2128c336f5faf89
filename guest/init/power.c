/* The end of the machine: processes first, then file systems, then power. */
#include <errno.h>
#include <mntent.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "agent.h"
#include "clock.h"

enum { MAX_UNMOUNTS = 256, AFTER_KILL_MS = 1000 };

bool owns_machine;

/* Reaps until no child is left (PID 1: no process at all) or the time is over. SIGCHLD is blocked, so none is missed. */
static void wait_for_children(unsigned timeout_ms) {
  int64_t end = now_ms() + timeout_ms;
  sigset_t child;
  sigemptyset(&child);
  sigaddset(&child, SIGCHLD);
  for (;;) {
    pid_t pid = waitpid(-1, NULL, WNOHANG);
    if (pid < 0 && errno == ECHILD) return;
    if (pid > 0) continue;
    int left = ms_until(end);
    if (left == 0) return;
    struct timespec timeout = {.tv_sec = left / 1000, .tv_nsec = left % 1000 * 1000000};
    sigtimedwait(&child, NULL, &timeout);
  }
}

/* In reverse order of mounting; what is busy becomes read-only, so that at least its data are on the disk. */
static void unmount_all(void) {
  static char directories[MAX_UNMOUNTS][256];
  int count = 0;
  FILE *file = setmntent("/proc/self/mounts", "re");
  struct mntent *entry;
  while (file && count < MAX_UNMOUNTS && (entry = getmntent(file)))
    if (entry->mnt_fsname[0] == '/' || strcmp(entry->mnt_type, "overlay") == 0)
      snprintf(directories[count++], sizeof directories[0], "%s", entry->mnt_dir);
  if (file) endmntent(file);
  while (count-- > 0)
    if (umount2(directories[count], 0) != 0) mount(NULL, directories[count], NULL, MS_REMOUNT | MS_RDONLY, NULL);
}

void shut_down(int action, unsigned grace_ms) {
  if (!owns_machine) {
    while (connections.first) {
      connections.first->dead = true;
      connections_sweep();
    }
    _exit(0);
  }
  /* Shells ignore SIGTERM and go by SIGHUP; what is stopped has to wake up to see either. */
  kill(-1, SIGTERM);
  kill(-1, SIGHUP);
  kill(-1, SIGCONT);
  wait_for_children(grace_ms);
  kill(-1, SIGKILL);
  wait_for_children(AFTER_KILL_MS);
  sync();
  unmount_all();
  tcdrain(STDOUT_FILENO);
  reboot(action == SHUTDOWN_RESET ? RB_AUTOBOOT : RB_POWER_OFF);
  for (;;) pause();
}
