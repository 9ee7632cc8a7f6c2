// SPDX-License-Identifier: GPL-2.0-only
/* Room in a PF_KEY socket: dumps of any size, losses that are counted, requests refused for want of it, answers that are not lost. */
#include "kmod/selftest/pfkey_say.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define DUMPED 3000
#define OWN_SPI 0x30000
#define OTHER_SPI 0x40000
#define ENOUGH 1000		/* messages that fill any buffer of this test */

static struct heard h;
static struct pfkey_msg m;
static int fd;

static int small_socket(void)
{
	int s = say_open(), small = 1;

	setsockopt(s, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	return s;
}

/* ---- dumps and losses ---- */

/* A socket that is closed in the midst of its dump, as by a signal: the kernel's list must not know it any more. */
static void test_dump_left(void)
{
	int reader = small_socket();

	make_head(&m, SADB_DUMP, SADB_SATYPE_ESP);
	is("SADB_DUMP", say(reader, &m), 0);
	ok(!hear(reader, &h) && heard_msg(&h)->sadb_msg_seq, "whose first entry is read, and is not the last");
	make_head(&m, SADB_X_SPDDUMP, SADB_SATYPE_UNSPEC);
	is("another one beside it is refused", ask(reader, &m, &h), EBUSY);
	close(reader);
	make_add(&m, AF_INET, 0x20000);
	is("and is left alone: others add", ask(fd, &m, &h), 0);
}

/* A reader with the least buffer there can be, while others fill it with what they do. */
static void test_dump(void)
{
	static bool seen[DUMPED + 1];
	unsigned int count = 0, twice = 0, order = 0;
	bool last = false;
	uint32_t spi;
	int reader;

	for (unsigned int i = 1; i <= DUMPED; i++) {
		make_add(&m, AF_INET, 0x10000 + i);
		if (ask(fd, &m, &h))
			break;
	}
	reader = small_socket();
	make_head(&m, SADB_DUMP, SADB_SATYPE_ESP);
	is("SADB_DUMP", say(reader, &m), 0);
	while (!last && !hear(reader, &h)) {
		const struct sadb_sa *x = heard_ext(&h, SADB_EXT_SA);

		if (heard_msg(&h)->sadb_msg_type != SADB_DUMP)
			continue;
		last = !heard_msg(&h)->sadb_msg_seq;
		order += !last && heard_msg(&h)->sadb_msg_seq != count + 1;
		spi = ntohl(x->sadb_sa_spi) - 0x10000;
		if (!spi || spi > DUMPED)
			continue;
		twice += seen[spi];
		seen[spi] = true;
		if (++count % 100 == 0) {
			make_spdadd(&m, AF_INET, (uint8_t)(count / 100 + 2), 1, AF_INET);
			ask(fd, &m, &h);
		}
	}
	ok(last && !order, "a dump into a buffer for four messages comes to its end, in order");
	is("with each SA", count, DUMPED);
	is("once", twice, 0);
	for (unsigned int i = 0; i < 20; i++) {
		make_spdadd(&m, AF_INET6, (uint8_t)(i + 2), 1, AF_INET6);
		ask(fd, &m, &h);
	}
	test_dump_left();
	ok(drops(reader) > 0, "what did not fit is counted (%u)", drops(reader));
	make_head(&m, SADB_FLUSH, SADB_SATYPE_ESP);
	is("a request for whose answer there is no room", say(reader, &m), -ENOBUFS);
	is("is not done", get(fd, 0x10001, &h), 0);
	hear_out(reader);
	make_head(&m, SADB_FLUSH, SADB_SATYPE_ESP);
	is("later it is taken", ask(reader, &m, &h), 0);
	is("and done", get(fd, 0x10001, &h), ESRCH);
	close(reader);
	make_head(&m, SADB_X_SPDFLUSH, SADB_SATYPE_UNSPEC);
	is("SADB_X_SPDFLUSH", ask(fd, &m, &h), 0);
}

/* ---- room for answers ---- */

/* Who asks and does not read is stopped while there is room for what he is told, and loses nothing of it. */
static void test_unread(void)
{
	unsigned int asked = 0, answered = 0;
	int asker = small_socket(), err = 0;

	while (asked < ENOUGH) {
		make_add(&m, AF_INET, OWN_SPI + asked);
		err = say(asker, &m);
		if (err)
			break;
		asked++;
	}
	ok(err == -ENOBUFS && asked, "one who reads no answers is refused (ENOBUFS) after %u", asked);
	is("what was refused is not done", get(fd, OWN_SPI + asked, &h), ESRCH);
	is("what was not, is", get(fd, OWN_SPI + asked - 1, &h), 0);
	is("nothing has been lost", drops(asker), 0);
	while (!hear_now(asker, &h))
		answered += heard_msg(&h)->sadb_msg_type == SADB_ADD && !heard_msg(&h)->sadb_msg_errno;
	is("each request that was taken has its answer", answered, asked);
	make_add(&m, AF_INET, OWN_SPI + asked);
	is("then the next one is taken", ask(asker, &m, &h), 0);
	is("and done", get(fd, OWN_SPI + asked, &h), 0);
	close(asker);
}

/* A message on its way: the kernel has looked whether there is room, and waits for a page that it is in. */
struct held {
	int fd, faults;
	void *page;
	size_t page_size, n;
	int rc;				/* of send(): 0 or -errno */
	pthread_t thread;
};

static void *send_held(void *arg)
{
	struct held *x = arg;

	x->rc = send(x->fd, x->page, x->n, 0) < 0 ? -errno : 0;
	return NULL;
}

/* Whether this kernel can hold a page back. */
static bool held_open(struct held *x)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register range = { .mode = UFFDIO_REGISTER_MODE_MISSING };

	x->page_size = (size_t)sysconf(_SC_PAGESIZE);
	x->faults = (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (x->faults < 0)
		return false;
	x->page = mmap(NULL, x->page_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	range.range.start = (uintptr_t)x->page;
	range.range.len = x->page_size;
	if (x->page != MAP_FAILED && !ioctl(x->faults, UFFDIO_API, &api) && !ioctl(x->faults, UFFDIO_REGISTER, &range))
		return true;
	close(x->faults);
	return false;
}

/* Sends m, as far as the kernel goes without seeing it. */
static bool held_begin(struct held *x, int from)
{
	struct pollfd p = { .fd = x->faults, .events = POLLIN };
	struct uffd_msg fault;

	x->fd = from;
	x->n = pfkey_msg_size(&m);
	if (pthread_create(&x->thread, NULL, send_held, x))
		abort();
	return poll(&p, 1, 60000) == 1 && read(x->faults, &fault, sizeof(fault)) == sizeof(fault) &&
	       fault.event == UFFD_EVENT_PAGEFAULT;
}

static int held_end(struct held *x, const struct pfkey_msg *whole)
{
	static _Alignas(65536) uint8_t page[65536];
	struct uffdio_copy copy = { .dst = (uintptr_t)x->page, .src = (uintptr_t)page, .len = x->page_size };

	memcpy(page, whole->bytes, x->n);
	if (ioctl(x->faults, UFFDIO_COPY, &copy))
		return -errno;
	pthread_join(x->thread, NULL);
	munmap(x->page, x->page_size);
	close(x->faults);
	return x->rc;
}

/* Others add SAs till the socket has no room for what it hears of that. */
static bool fill(int reader)
{
	static uint32_t spi = OTHER_SPI;

	for (unsigned int i = 0; i < ENOUGH && !drops(reader); i++) {
		make_add(&m, AF_INET, spi++);
		if (ask(fd, &m, &h))
			break;
	}
	return drops(reader);
}

/* The error of an answer that waits, or -EAGAIN. */
static int answer_waits(int reader, const struct sadb_msg *asked)
{
	while (!hear_now(reader, &h))
		if (heard_msg(&h)->sadb_msg_type == asked->sadb_msg_type && heard_msg(&h)->sadb_msg_seq == asked->sadb_msg_seq)
			return heard_msg(&h)->sadb_msg_errno;
	return -EAGAIN;
}

/* m is asked by one whose room goes while he asks: he is told how it went all the same. */
static void test_filled_meanwhile(const char *what, int wanted)
{
	struct pfkey_msg whole;
	struct held held = { 0 };
	int reader;

	m.head.sadb_msg_seq = 7;
	m.head.sadb_msg_pid = (uint32_t)getpid();
	whole = m;
	if (!held_open(&held)) {
		ok(true, "%s # SKIP no userfaultfd(2)", what);
		return;
	}
	reader = small_socket();
	ok(held_begin(&held, reader) && fill(reader), "the room of one who asks is filled by others");
	is("what he asks is taken", held_end(&held, &whole), 0);
	is(what, answer_waits(reader, &whole.head), wanted);
	close(reader);
}

static void make_delete(uint32_t spi)
{
	make_head(&m, SADB_DELETE, SADB_SATYPE_ESP);
	put_sa(&m, spi, 0, 0);
	put_ends(&m, AF_INET);
}

void test_room(int extended)
{
	fd = extended;
	test_dump();
	test_unread();
	make_add(&m, AF_INET, 0x50000);
	test_filled_meanwhile("and its answer, which all are told, is there", 0);
	make_delete(0x50001);
	test_filled_meanwhile("and its error is there", ESRCH);
	make_head(&m, SADB_FLUSH, SADB_SATYPE_AH);
	test_filled_meanwhile("and its answer to him alone is there", 0);
	make_head(&m, SADB_FLUSH, SADB_SATYPE_ESP);
	is("SADB_FLUSH", ask(fd, &m, &h), 0);
}
