/* Users and groups of the guest, looked up in /etc/passwd and /etc/group only. */
#ifndef HEARTH_USER_H
#define HEARTH_USER_H

#include <stdbool.h>
#include <sys/types.h>

enum { MAX_GROUPS = 64 };

struct user {
  uid_t uid;
  gid_t gid;
  gid_t groups[MAX_GROUPS];
  int group_count;
  char name[64];
  char home[256];
  char shell[256];
};

/* Resolves "", "name", "uid", "name:group" or "uid:gid". False with errno set (ENOENT: unknown). */
bool user_find(const char *text, struct user *user);

/* Becomes the user for good. True at once if the process already is that user. */
bool user_become(const struct user *user);

#endif
