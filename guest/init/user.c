/* Users and groups: plain files, no name services. A user that is not root's business is resolved in a child process. */
#include "user.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool as_number(const char *text, uint32_t *number) {
  char *end;
  errno = 0;
  unsigned long value = strtoul(text, &end, 10);
  if (*text < '0' || *text > '9' || *end || errno || value >= UINT32_MAX) return false;
  *number = value;
  return true;
}

static void copy(char *to, size_t size, const char *text) { snprintf(to, size, "%s", text ? text : ""); }

/* Fills in the user's passwd entry. False if there is none. */
static bool find_entry(const char *name, const uint32_t *uid, struct user *user) {
  FILE *file = fopen("/etc/passwd", "re");
  if (!file) return false;
  struct passwd *entry;
  bool found = false;
  while (!found && (entry = fgetpwent(file))) {
    if (uid ? entry->pw_uid != *uid : strcmp(entry->pw_name, name) != 0) continue;
    found = true;
    user->uid = entry->pw_uid;
    user->gid = entry->pw_gid;
    copy(user->name, sizeof user->name, entry->pw_name);
    copy(user->home, sizeof user->home, entry->pw_dir);
    if (entry->pw_shell && *entry->pw_shell) copy(user->shell, sizeof user->shell, entry->pw_shell);
  }
  fclose(file);
  return found;
}

static bool find_group(const char *text, gid_t *gid) {
  uint32_t number;
  if (as_number(text, &number)) {
    *gid = number;
    return true;
  }
  FILE *file = fopen("/etc/group", "re");
  if (!file) return false;
  struct group *entry;
  bool found = false;
  while (!found && (entry = fgetgrent(file))) {
    found = strcmp(entry->gr_name, text) == 0;
    if (found) *gid = entry->gr_gid;
  }
  fclose(file);
  return found;
}

static bool is_member(const struct group *group, const char *name) {
  for (char **member = group->gr_mem; *member; member++)
    if (strcmp(*member, name) == 0) return true;
  return false;
}

static void find_supplementary(struct user *user) {
  FILE *file = user->name[0] ? fopen("/etc/group", "re") : NULL;
  if (!file) return;
  struct group *entry;
  while (user->group_count < MAX_GROUPS && (entry = fgetgrent(file)))
    if (entry->gr_gid != user->gid && is_member(entry, user->name)) user->groups[user->group_count++] = entry->gr_gid;
  fclose(file);
}

/* "": whoever the agent runs as, which is root wherever it is PID 1. */
static bool find_self(struct user *user) {
  uint32_t uid = geteuid();
  if (find_entry(NULL, &uid, user)) return true;
  user->uid = uid;
  user->gid = getegid();
  copy(user->home, sizeof user->home, uid == 0 ? "/root" : "/");
  copy(user->name, sizeof user->name, uid == 0 ? "root" : "");
  return true;
}

bool user_find(const char *text, struct user *user) {
  memset(user, 0, sizeof *user);
  copy(user->home, sizeof user->home, "/");
  copy(user->shell, sizeof user->shell, "/bin/sh");
  if (!*text) return find_self(user);

  char name[128];
  copy(name, sizeof name, text);
  char *group = strchr(name, ':');
  if (group) *group++ = 0;

  uint32_t uid;
  bool numeric = as_number(name, &uid);
  bool found = find_entry(name, numeric ? &uid : NULL, user);
  if (!found && numeric) user->uid = uid;
  if ((!found && !numeric) || (group && !find_group(group, &user->gid))) {
    errno = ENOENT;
    return false;
  }
  if (!group) find_supplementary(user);
  return true;
}

bool user_become(const struct user *user) {
  if (geteuid() != 0 && user->uid == geteuid() && user->gid == getegid()) return true;
  return setgroups(user->group_count, user->groups) == 0 && setgid(user->gid) == 0 && setuid(user->uid) == 0;
}
