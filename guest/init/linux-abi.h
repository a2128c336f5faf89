/* The few numbers of Linux' interface that a C library without kernel headers (musl-gcc) does not bring. */
#ifndef HEARTH_LINUX_ABI_H
#define HEARTH_LINUX_ABI_H

#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

/* vsock: addresses are a context id and a port. */
#ifndef AF_VSOCK
#define AF_VSOCK 40
#endif

#define VSOCK_CID_ANY 0xffffffffu
#define VSOCK_CID_HOST 2u

struct vsock_address {
  sa_family_t family;
  uint16_t reserved;
  uint32_t port;
  uint32_t cid;
  uint8_t zero[4];
};

/* /dev/urandom: adding seed that counts, and reseeding from it. */
struct random_pool_info {
  int entropy_bits;
  int size_bytes;
  uint8_t bytes[512];
};

#define RANDOM_ADD_ENTROPY _IOW('R', 0x03, int[2])
#define RANDOM_RESEED _IO('R', 0x07)

/* The other end of a PTY without a path to it. */
#ifndef TIOCGPTPEER
#define TIOCGPTPEER _IO('T', 0x41)
#endif

#endif
