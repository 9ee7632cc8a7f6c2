// SPDX-License-Identifier: MIT
// Loads configuration and secrets as the command line asks, and sets the kernel's one switch.
#include "keyd/card/uri.h"
#include "keyd/conf/load.h"
#include "keyd/import/import.h"
#include "keyd/import/load.h"
#include "keyd/roles/parent.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LARVAL_DROP "/proc/sys/net/core/xfrm_larval_drop"
#define MODULES "/sys/module/"

/* What only the parser of URIs knows. 0 or -errno. */
static int check_token(const struct conf *c, struct conf_token *t, struct conf_secrets *s, conf_error_fn *err, void *arg)
{
	char place[CONF_PATH_MAX + 16], text[CONF_PATH_MAX + 400], reason[300];
	struct card_uri *u = NULL;
	const char *why;
	int r = card_uri_parse(&u, t->uri, &why) ? -EINVAL : 0;

	if (!r && card_uri_pin_source(u) && t->pin == CONF_PIN_ASK)
		r = conf_pin_source(t, s, card_uri_pin_source(u), reason, sizeof(reason));
	if (r) {
		snprintf(text, sizeof(text), "%s: this URI %s", conf_at_format(c, t->at, place, sizeof(place)), u ? reason : why);
		err(text, arg);
	}
	card_uri_free(u);
	return r;
}

static int check_tokens(const struct conf *c, struct conf_secrets *s, conf_error_fn *err, void *arg)
{
	int worst = 0;

	for (unsigned i = 0; i < c->ntokens; i++) {
		int r = check_token(c, &c->tokens[i], s, err, arg);

		worst = worst ? worst : r;
	}
	return worst;
}

/* In whatever language it is. */
static int load(const struct options *o, const struct conf_sights *seen, struct conf *c, struct conf_secrets *s,
		conf_error_fn *err, void *arg)
{
	static const enum import_format formats[] = { [KEYD_RACOON] = IMPORT_RACOON, [KEYD_IPSEC] = IMPORT_IPSEC };
	struct ipsec_addr own[IMPORT_OWN_MAX];
	struct import_source from = { .path = o->conf, .own = own };

	from.format = o->language == KEYD_GUESS ? import_recognise(o->conf) : formats[o->language];
	if (from.format == IMPORT_GUESS)
		return conf_load_seen(c, s, o->conf, seen, err, arg);
	from.nown = import_own_addresses(own, IMPORT_OWN_MAX);
	return import_load(c, s, &from, seen, err, arg);
}

int settings_load(const struct options *o, const struct conf_sights *seen, struct conf *c, struct conf_secrets *s,
		  conf_error_fn *err, void *arg)
{
	int r = 0;

	*c = (struct conf){ 0 };
	*s = (struct conf_secrets){ 0 };
	if (!o->conf && !o->psk) {
		err("no configuration: there is no " KEYD_CONF_DEFAULT ", and neither -f nor --psk was given", arg);
		return -ENOENT;
	}
	if (o->conf)
		r = load(o, seen, c, s, err, arg);
	else
		conf_defaults(c);
	if (r)
		return r;
	if (o->psk) {
		s->file = conf_file_number(c, o->psk);
		c->secrets = (struct conf_at){ .line = 1, .file = s->file };
		r = psk_file_load(s, NULL, c, o->psk, err, arg);
	}
	if (!r)
		r = check_tokens(c, s, err, arg);
	if (!r)
		return 0;
	conf_free(c);
	conf_secrets_free(s);
	return r;
}

uint64_t settings_stamp(const struct conf *c)
{
	uint64_t stamp = 0;

	for (const char *name = c->files; *name; name += strlen(name) + 1) {
		struct stat st = { 0 };

		if (stat(name, &st))
			st.st_ino = 0;
		stamp = stamp * 31 + st.st_ino;
		stamp = stamp * 31 + (uint64_t)st.st_size;
		stamp = stamp * 31 + (uint64_t)st.st_mtim.tv_sec;
		stamp = stamp * 31 + (uint64_t)st.st_mtim.tv_nsec;
	}
	return stamp;
}

static bool no_kernel(const struct options *o)
{
	return o->backend && !strcmp(o->backend, "fake");
}

/*
 * With 1, the kernel's default, the packets that ask for an SA vanish until it is there. With 0 they wait, and no packet
 * is lost because of keying.
 */
void settings_kernel(const struct options *o, const struct conf *c)
{
	char now = 0;
	int fd;

	if (c->larval_drop || no_kernel(o))
		return;
	fd = open(LARVAL_DROP, O_RDWR | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return;			/* no XFRM: the kern role says so */
	if (fd >= 0 && read(fd, &now, 1) == 1 && now == '0')
		goto out;
	if (fd < 0 || pwrite(fd, "0\n", 2, 0) != 2)
		log_warning("net.core.xfrm_larval_drop cannot be set to 0, so packets are lost while keys are negotiated: "
			    "error=\"%s\"", strerror(errno));
	else
		log_notice("net.core.xfrm_larval_drop set to 0: packets wait for their keys and are not dropped");
out:
	if (fd >= 0)
		close(fd);
}

/* Where packets were told to be padded; NULL: nowhere. */
static const struct conf_at *padded_at(const struct conf *c)
{
	const struct conf_peer *peer = c->peers;

	if (c->defaults.tfc)
		return &c->defaults.at[CONF_STMT_TFC];
	for (; peer < c->peers + c->npeers; peer++)
		if (peer->tfc)
			return &peer->at[CONF_STMT_TFC];
	return NULL;
}

/* With ESP offload's modules, which come with the first SA that names a device, the kernel's way out does not pad. */
void settings_padding(const struct options *o, const struct conf *c)
{
	static const char *const modules[] = { "esp4_offload", "esp6_offload" };
	const struct conf_at *at = padded_at(c);
	char place[CONF_PATH_MAX + 16], path[64];
	size_t i;

	if (!at || no_kernel(o))
		return;
	conf_at_format(c, *at, place, sizeof(place));
	for (i = 0; i < sizeof(modules) / sizeof(*modules); i++) {
		snprintf(path, sizeof(path), MODULES "%s", modules[i]);
		if (!access(path, F_OK))
			log_warning("%s: tfc: the kernel does not pad while its module %s is loaded: end the SAs that use it and "
				    "remove it (modprobe -r %s)", place, modules[i], modules[i]);
	}
}
