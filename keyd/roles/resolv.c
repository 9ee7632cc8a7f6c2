// SPDX-License-Identifier: MIT
// Name servers that gateways tell of, as files for whoever cares for resolv.conf: one for each tunnel that is wanted.
#include "keyd/ike/engine.h"
#include "keyd/roles/message.h"
#include "keyd/roles/parent.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A name out of our own configuration, and yet nothing in it may lead elsewhere. */
static bool file_name(const char *peer, char *buf, size_t n)
{
	size_t len = strlen(peer);

	snprintf(buf, n, "%s.conf", peer);
	for (size_t i = 0; i < len; i++)
		if (buf[i] == '/' || (unsigned char)buf[i] <= 0x20 || buf[i] == 0x7f)
			buf[i] = '_';
	return len && buf[0] != '.';
}

static int folder_open(const char *run_dir)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/resolv", run_dir);
	if (mkdir(path, 0755) && errno != EEXIST)
		return -1;
	return open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

static int file_write(int folder, const char *name, const struct engine_resolv *r)
{
	static const char fresh[] = ".new";
	char text[IPSEC_ADDR_STRLEN];
	int fd = openat(folder, fresh, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
	FILE *f = fd >= 0 ? fdopen(fd, "w") : NULL;

	if (!f) {
		if (fd >= 0)
			close(fd);
		return -1;
	}
	fchmod(fd, 0644);	/* whatever the umask says */
	fprintf(f, "# from the gateway \"%s\"\n", r->peer);
	if (*r->domain)
		fprintf(f, "search %s\n", r->domain);
	for (unsigned int i = 0; i < r->ndns && i < ENGINE_DNS_MAX; i++)
		fprintf(f, "nameserver %s\n", ipsec_addr_format(&r->dns[i], text, sizeof(text)));
	return fclose(f) || renameat(folder, fresh, folder, name) ? -1 : 0;
}

/* What came from the network has been read by the ike role; here it is only looked at whether it can do harm. */
static bool sane(const struct parent *p, const struct engine_resolv *r)
{
	const struct conf_peer *peer;

	if (!memchr(r->peer, 0, sizeof(r->peer)) || !memchr(r->domain, 0, sizeof(r->domain)) || r->ndns > ENGINE_DNS_MAX ||
	    (*r->domain && !conf_domain_ok(r->domain, strlen(r->domain))))
		return false;
	if (!r->ndns)
		return true;		/* a file may go although its peer has gone from the configuration */
	peer = conf_peer_by_name(&p->conf, r->peer);
	return peer && peer->virtual_interface[0];
}

void resolv_write(struct parent *p, const struct engine_resolv *r)
{
	char name[CONF_NAME_MAX + 8];
	int folder;

	if (!sane(p, r) || !file_name(r->peer, name, sizeof(name)))
		return;
	folder = folder_open(p->options->run_dir);
	if (folder < 0 || (r->ndns ? file_write(folder, name, r) : unlinkat(folder, name, 0) && errno != ENOENT))
		log_warning("name servers of a gateway cannot be told: file=%s/resolv/%s error=\"%s\"", p->options->run_dir, name,
			    strerror(errno));
	if (folder >= 0)
		close(folder);
}
