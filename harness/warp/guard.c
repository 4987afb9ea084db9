/* The last fence of the interlock: connect() only to the addresses that the stage has started.
 *
 * CELERY_HARNESS_ALLOW   comma list of `ip:port` (`[ip]:port` for IPv6, `*` for any port); unset: no guard
 * CELERY_HARNESS_REFUSED file that gets one line `pid ip:port` for each refusal
 *
 * Unix sockets always pass. Works without a clock. A program that libc does not load (static) is not seen. */
#include "simtime.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ALLOWED_COUNT 128
#define ANY_PORT (-1)

struct address { struct in6_addr ip; int port; };
static struct address allowed[ALLOWED_COUNT];
static int allowed_count;
static int guarding;
static char refused_path[4096];

/* One form for both families: IPv4 as the mapped IPv6 address. */
static struct in6_addr mapped(struct in_addr v4) {
    struct in6_addr ip = { .s6_addr = { [10] = 0xff, [11] = 0xff } };
    memcpy(&ip.s6_addr[12], &v4, sizeof v4);
    return ip;
}

static void allow(const char *text, size_t length) {
    char copy[80];
    if (length == 0 || length >= sizeof copy || allowed_count == ALLOWED_COUNT) return;
    memcpy(copy, text, length);
    copy[length] = 0;
    char *colon = strrchr(copy, ':'), *host = copy;
    if (!colon) return;
    *colon = 0;
    if (*host == '[') {
        host++;
        host[strcspn(host, "]")] = 0;
    }
    struct address *entry = &allowed[allowed_count];
    struct in_addr v4;
    if (inet_pton(AF_INET, host, &v4) == 1) entry->ip = mapped(v4);
    else if (inet_pton(AF_INET6, host, &entry->ip) != 1) return;
    entry->port = colon[1] == '*' ? ANY_PORT : atoi(colon + 1);
    allowed_count++;
}

void harness_guard_start(void) {
    const char *list = getenv("CELERY_HARNESS_ALLOW");
    if (!list) return;
    guarding = 1;
    while (*list) {
        size_t length = strcspn(list, ",");
        allow(list, length);
        list += length + (list[length] == ',');
    }
    const char *path = getenv("CELERY_HARNESS_REFUSED");
    if (path && strlen(path) < sizeof refused_path) strcpy(refused_path, path);
}

static void record(const struct address *to) {
    if (!*refused_path) return;
    char ip[INET6_ADDRSTRLEN], line[INET6_ADDRSTRLEN + 32];
    int v4 = IN6_IS_ADDR_V4MAPPED(&to->ip);
    if (v4) inet_ntop(AF_INET, &to->ip.s6_addr[12], ip, sizeof ip);
    else inet_ntop(AF_INET6, &to->ip, ip, sizeof ip);
    int length = snprintf(line, sizeof line, v4 ? "%d %s:%d\n" : "%d [%s]:%d\n", (int)getpid(), ip, to->port);
    int fd = open(refused_path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) return;
    /* One write with O_APPEND: lines of several processes do not mix. */
    if (write(fd, line, (size_t)length) < 0) { /* the refusal itself stands */ }
    close(fd);
}

static int is_allowed(const struct sockaddr *to, socklen_t size) {
    struct address address;
    if (to->sa_family == AF_INET && size >= sizeof(struct sockaddr_in)) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)to;
        address = (struct address){ mapped(v4->sin_addr), ntohs(v4->sin_port) };
    } else if (to->sa_family == AF_INET6 && size >= sizeof(struct sockaddr_in6)) {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)to;
        address = (struct address){ v6->sin6_addr, ntohs(v6->sin6_port) };
    } else return 1;
    for (int i = 0; i < allowed_count; i++) {
        int port_fits = allowed[i].port == ANY_PORT || allowed[i].port == address.port;
        if (port_fits && memcmp(&allowed[i].ip, &address.ip, sizeof address.ip) == 0) return 1;
    }
    record(&address);
    return 0;
}

EXPORT int connect(int fd, const struct sockaddr *to, socklen_t size) {
    if (guarding && to && size >= sizeof to->sa_family && !is_allowed(to, size)) {
        errno = ECONNREFUSED;
        return -1;
    }
    return (int)KERNEL3(SYS_connect, fd, to, size);
}
