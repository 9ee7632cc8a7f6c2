// SPDX-License-Identifier: MIT
// Plays the trust role: starts a fetch role as the parent does, gives it what standard input says, prints what comes back.
//
// usage: fetch-driver KEYD RUN-DIR [OPTION OF KEYD...] <<<"limit BYTES MS
//	get NAME URL		asks; "NAME MS got BYTES TEXT" or "NAME MS failed WHY" comes when it comes
//	post NAME URL TEXT	likewise
//	cancel NAME
//	many N URL		N fetches, 32 of them at once; every %d of the URL is its number. "many got=N failed=N"
//	wait			until nothing is open
//	until NAME		until that has its answer
//	relink			the channel ends, and there is another one
//	end			until the role ends by itself
//	rss			"rss KB", of the role"
#include "keyd/roles/message.h"
#include "keyd/roles/role.h"
#include "keyd/util/log.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define OPEN_MAX_ 512
#define MANY_AT_ONCE 32
#define WORD_MAX 1400

struct asked {
	char name[32];			/* "": one of many */
	uint32_t id;			/* 0: free */
	uint64_t since;
};

static struct driver {
	struct loop *loop;
	struct ipc *parent, *trust;
	struct loop_timer *step;
	struct asked asked[OPEN_MAX_];
	unsigned int nopen;
	uint32_t last_id, most, wait_ms;
	pid_t role;
	bool ready, waiting;
	char until[32];
	char many_url[WORD_MAX];
	unsigned long many_left, many_next, got, failed;
} d = { .most = 1 << 20, .wait_ms = 5000 };

static void die(const char *what)
{
	fprintf(stderr, "fetch-driver: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void go_on(void)
{
	loop_timer_set(d.step, 0);
}

static struct asked *asked_of(uint32_t id)
{
	for (unsigned int i = 0; i < OPEN_MAX_; i++)
		if (d.asked[i].id == id)
			return &d.asked[i];
	return NULL;
}

static void ask(const char *name, const char *url, const char *post)
{
	struct message_fetch head = { .most = d.most, .wait_ms = d.wait_ms, .nurl = (uint16_t)strlen(url),
				      .npost = (uint16_t)strlen(post) };
	struct view parts[] = { { (uint8_t *)&head, sizeof(head) }, { (const uint8_t *)url, head.nurl },
				{ (const uint8_t *)post, head.npost } };
	struct asked *a = asked_of(0);

	if (!a)
		die("too many are open");
	snprintf(a->name, sizeof(a->name), "%s", name);
	a->id = ++d.last_id;
	a->since = loop_now();
	d.nopen++;
	if (ipc_sendv(d.trust, M_FETCH, a->id, parts, 3, -1))
		die("sending");
}

static void many_more(void)
{
	char url[WORD_MAX + 16], *at;

	while (d.many_left && d.nopen < MANY_AT_ONCE) {
		at = strstr(d.many_url, "%d");
		if (at)
			snprintf(url, sizeof(url), "%.*s%lu%s", (int)(at - d.many_url), d.many_url, d.many_next, at + 2);
		else
			snprintf(url, sizeof(url), "%s", d.many_url);
		d.many_next++;
		d.many_left--;
		ask("", url, "");
	}
}

static void answered(uint32_t id, const char *what)
{
	struct asked *a = id ? asked_of(id) : NULL;

	if (!a) {
		printf("? %s\n", what);
		return;
	}
	if (a->name[0])
		printf("%s %u %s\n", a->name, (unsigned int)((loop_now() - a->since) / 1000), what);
	a->id = 0;
	d.nopen--;
	if (d.until[0] && !strcmp(d.until, a->name)) {
		d.until[0] = 0;
		go_on();
	}
	many_more();
	if (d.waiting && !d.nopen)
		go_on();
}

static int on_fetched(struct ipc *ch, struct ipc_msg *m, void *arg)
{
	const int seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
	char text[41] = "", line[128];
	struct stat st;
	ssize_t n = read(m->fd, text, 40);	/* from where the offset is: the beginning */

	(void)ch;
	(void)arg;
	if (fstat(m->fd, &st) || n < 0 || fcntl(m->fd, F_GET_SEALS) != seals)
		die("the file");
	for (ssize_t i = 0; i < n; i++)
		if (text[i] < ' ' || text[i] > '~')
			text[i] = '.';
	snprintf(line, sizeof(line), "got %lld %s", (long long)st.st_size, text);
	d.got++;
	answered(m->id, line);
	return 0;
}

static int on_failed(struct ipc *ch, struct ipc_msg *m, void *arg)
{
	char line[MESSAGE_FETCH_WHY_MAX + 16];

	(void)ch;
	(void)arg;
	snprintf(line, sizeof(line), "failed %.*s", (int)m->body.n, (const char *)m->body.p);
	for (char *p = line; *p; p++)
		if (*p < ' ' || *p > '~')
			die("a byte that is not to be printed");
	d.failed++;
	answered(m->id, line);
	return 0;
}

static const struct ipc_rule trust_rules[] = {
	{ M_FETCHED, true, 0, 0, on_fetched },
	{ M_FETCH_FAILED, false, 1, MESSAGE_FETCH_WHY_MAX, on_failed },
	{ 0 },
};
static const struct ipc_table trust_table = { "fetch", trust_rules };

static void channel_ended(struct ipc *ch, enum ipc_end why, void *arg)
{
	(void)ch;
	(void)arg;
	if (!d.nopen && why == IPC_END_PEER) {
		printf("the role ends\n");
		return loop_stop(d.loop, 0);
	}
	printf("the role is gone\n");
	loop_stop(d.loop, 1);
}

static void trust_link(void)
{
	int fds[2];

	ipc_close(d.trust);
	if (ipc_pair(fds))
		die("ipc_pair");
	ipc_sendv(d.parent, M_CHANNEL, ROLE_TRUST, NULL, 0, fds[0]);
	close(fds[0]);
	d.trust = ipc_open(d.loop, fds[1], &trust_table, channel_ended, NULL);
	for (unsigned int i = 0; i < OPEN_MAX_; i++)
		d.asked[i].id = 0;
	d.nopen = 0;
}

static int on_ready(struct ipc *ch, struct ipc_msg *m, void *arg)
{
	(void)ch;
	(void)m;
	(void)arg;
	trust_link();
	d.ready = true;
	go_on();
	return 0;
}

static int on_role_failed(struct ipc *ch, struct ipc_msg *m, void *arg)
{
	struct message_failed f;

	(void)ch;
	(void)arg;
	memcpy(&f, m->body.p, sizeof(f));
	printf("the role failed: %.255s\n", f.why);
	return 0;
}

static int on_complaint(struct ipc *ch, struct ipc_msg *m, void *arg)
{
	(void)ch;
	(void)m;
	(void)arg;
	printf("a complaint\n");
	return 0;
}

static const struct ipc_rule parent_rules[] = {
	{ M_READY, false, 0, 64, on_ready },
	{ M_FAILED, false, sizeof(struct message_failed), sizeof(struct message_failed), on_role_failed },
	{ M_COMPLAINT, false, 0, 0, on_complaint },
	{ 0 },
};
static const struct ipc_table parent_table = { "fetch", parent_rules };

static void print_rss(void)
{
	char path[64], line[256];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)d.role);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, "VmRSS:", 6))
			printf("rss %ld\n", strtol(line + 6, NULL, 10));
	if (f)
		fclose(f);
}

static struct asked *asked_named(const char *name)
{
	for (unsigned int i = 0; i < OPEN_MAX_; i++)
		if (d.asked[i].id && !strcmp(d.asked[i].name, name))
			return &d.asked[i];
	return NULL;
}

static void cancel(const char *name)
{
	struct asked *a = asked_named(name);

	if (!a)
		return;
	ipc_send(d.trust, M_FETCH_CANCEL, a->id, NULL, 0);
	a->id = 0;
	d.nopen--;
}

/* One line; true when the next one may follow at once. */
static bool command(char *line)
{
	char word[16] = "", a[WORD_MAX] = "", b[WORD_MAX] = "", c[WORD_MAX] = "";

	sscanf(line, "%15s %1399s %1399s %1399[^\n]", word, a, b, c);
	if (!strcmp(word, "limit")) {
		d.most = (uint32_t)strtoul(a, NULL, 10);
		d.wait_ms = (uint32_t)strtoul(b, NULL, 10);
	} else if (!strcmp(word, "get") || !strcmp(word, "post")) {
		ask(a, b, c);
	} else if (!strcmp(word, "cancel")) {
		cancel(a);
	} else if (!strcmp(word, "many")) {
		d.got = d.failed = 0;
		d.many_left = strtoul(a, NULL, 10);
		snprintf(d.many_url, sizeof(d.many_url), "%s", b);
		many_more();
	} else if (!strcmp(word, "until")) {
		if (!asked_named(a))
			return true;
		snprintf(d.until, sizeof(d.until), "%.31s", a);
		return false;
	} else if (!strcmp(word, "wait")) {
		d.waiting = d.nopen > 0;
		return !d.waiting;
	} else if (!strcmp(word, "end")) {
		return false;
	} else if (!strcmp(word, "relink")) {
		trust_link();
	} else if (!strcmp(word, "rss")) {
		print_rss();
	} else if (word[0]) {
		die(word);
	}
	return true;
}

static void on_step(void *arg)
{
	char line[3 * WORD_MAX];

	(void)arg;
	if (d.waiting && d.many_url[0])
		printf("many got=%lu failed=%lu\n", d.got, d.failed);
	if (d.waiting)
		d.many_url[0] = 0;
	d.waiting = false;
	while (fgets(line, sizeof(line), stdin))
		if (!command(line))
			return;
	loop_stop(d.loop, 0);
}

static void role_start(char **argv)
{
	char *args[16] = { (char *)"keyd: fetch", (char *)"--role", (char *)"fetch", (char *)"--run-dir", argv[2],
			   (char *)"--log-level", (char *)"debug" };
	int fds[2];

	for (int i = 0; i < 8 && argv[3 + i]; i++)
		args[7 + i] = argv[3 + i];
	if (ipc_pair(fds))
		die("ipc_pair");
	d.role = fork();
	if (d.role < 0)
		die("fork");
	if (!d.role) {
		if (fds[1] == ROLE_CHANNEL_FD)
			fcntl(fds[1], F_SETFD, 0);
		else
			dup2(fds[1], ROLE_CHANNEL_FD);
		execv(argv[1], args);
		_exit(127);
	}
	close(fds[1]);
	d.parent = ipc_open(d.loop, fds[0], &parent_table, channel_ended, NULL);
	if (!d.parent)
		die("ipc_open");
}

int main(int argc, char **argv)
{
	int code, status = 0;

	if (argc < 3) {
		fputs("usage: fetch-driver KEYD RUN-DIR [OPTION...]\n", stderr);
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	log_open("driver", LOG_TARGET_STDERR, LOG_LEVEL_INFO);
	d.loop = loop_new();
	d.step = d.loop ? loop_timer_new(d.loop, on_step, NULL) : NULL;
	if (!d.step)
		die("the loop");
	role_start(argv);
	code = loop_run(d.loop);
	ipc_close(d.trust);
	ipc_close(d.parent);
	loop_timer_free(d.step);
	loop_free(d.loop);
	waitpid(d.role, &status, 0);
	if (WIFSIGNALED(status))
		printf("the role was killed: %s\n", strsignal(WTERMSIG(status)));
	else if (WEXITSTATUS(status))
		printf("the role ended with %d\n", WEXITSTATUS(status));
	return code || status;
}
