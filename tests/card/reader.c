// SPDX-License-Identifier: MIT
// The card's side of vpcd's protocol: frames by TCP, of a length (16 bits, network order) and as many bytes.
#include "tests/card/emu.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* Frames of one byte, from the reader; all others are commands. */
enum { VPCD_OFF, VPCD_ON, VPCD_RESET, VPCD_ATR = 4 };

#define RETRY_MS 50

uint64_t emu_now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* vpcd writes a frame's length and its body apart: without this, each waits for the other's delayed acknowledgement. */
static void hurry(int fd)
{
	static const int on = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof(on));
}

static int enter(struct emu *e)
{
	static const struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };
	struct addrinfo *found = NULL;
	int fd = -1;

	if (getaddrinfo(e->host, e->port, &hints, &found))
		return -1;
	for (struct addrinfo *a = found; a && fd < 0; a = a->ai_next) {
		fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, 0);
		if (fd >= 0 && connect(fd, a->ai_addr, a->ai_addrlen)) {
			close(fd);
			fd = -1;
		}
	}
	freeaddrinfo(found);
	if (fd < 0)
		return -1;
	hurry(fd);
	e->reader = fd;
	e->nframe = 0;
	return 0;
}

void reader_leave(struct emu *e)
{
	if (e->reader >= 0)
		close(e->reader);
	e->reader = -1;
	e->powered = e->seen = e->busy = e->silent = false;
	card_wake(&e->card);
}

static void send_frame(struct emu *e, const uint8_t *p, size_t n)
{
	static uint8_t out[2 + EMU_ANSWER_MAX];
	struct wr w = wr_of(out, sizeof(out));
	size_t sent = 0;

	wr_u16(&w, (uint16_t)n);
	wr_mem(&w, p, n);
	while (sent < w.len) {
		ssize_t done = send(e->reader, out + sent, w.len - sent, MSG_NOSIGNAL);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0) {
			reader_leave(e);
			return;
		}
		sent += (size_t)done;
	}
}

/* What a trace may show of a command: not the PINs in it. */
static void trace(const struct emu *e, char way, const uint8_t *p, size_t n)
{
	bool pin = way == '>' && n > 5 && (p[1] == 0x20 || p[1] == 0x24 || p[1] == 0x2c);

	if (!e->trace)
		return;
	fprintf(e->trace, "%c", way);
	for (size_t i = 0; i < (pin ? 5 : n); i++)
		fprintf(e->trace, " %02x", p[i]);
	fprintf(e->trace, "%s\n", pin ? " PIN" : "");
	fflush(e->trace);
}

static void answer(struct emu *e)
{
	e->busy = e->silent = false;
	trace(e, '<', e->answer, e->nanswer);
	send_frame(e, e->answer, e->nanswer);
}

static void command(struct emu *e, struct view frame)
{
	struct wr w = wr_of(e->answer, sizeof(e->answer) - 1);
	unsigned int delay_ms;
	struct fault fault = fault_take(&e->faults, frame.n > 1 ? frame.p[1] : 0, &delay_ms);

	trace(e, '>', frame.p, frame.n);
	if (fault.kind == FAULT_PULL) {
		e->in = false;
		reader_leave(e);
		return;
	}
	if (fault.kind == FAULT_STATUS)
		wr_u16(&w, (uint16_t)fault.value);
	else
		card_transmit(&e->card, frame, &w);
	fault_spoil(&e->faults, fault.kind, &w);
	e->nanswer = w.len;
	e->busy = true;
	e->silent = fault.kind == FAULT_SILENCE;
	e->due_ms = emu_now_ms() + delay_ms;
	if (!e->silent && !delay_ms)
		answer(e);
}

static void give_atr(struct emu *e)
{
	uint8_t atr[ATR_MAX];
	struct wr w = wr_of(atr, sizeof(atr));

	if (e->natr)
		wr_mem(&w, e->atr, e->natr);
	else
		e->card.kind->atr(&e->card, &w);
	send_frame(e, atr, w.len);
}

static void serve(struct emu *e, struct view frame)
{
	if (frame.n != 1) {
		command(e, frame);
		return;
	}
	switch (frame.p[0]) {
	case VPCD_ATR:
		give_atr(e);
		break;
	case VPCD_OFF:
	case VPCD_ON:
	case VPCD_RESET:
		card_wake(&e->card);
		e->powered = frame.p[0] != VPCD_OFF;
		e->seen |= e->powered;
		break;
	default:
		break;
	}
}

void reader_read(struct emu *e)
{
	ssize_t n = recv(e->reader, e->frame + e->nframe, sizeof(e->frame) - e->nframe, 0);
	size_t need;

	if (n < 0 && errno == EINTR)
		return;
	if (n <= 0) {
		reader_leave(e);
		return;
	}
	hurry(e->reader);
	e->nframe += (size_t)n;
	while (e->reader >= 0 && e->nframe >= 2) {
		need = 2 + ((size_t)e->frame[0] << 8 | e->frame[1]);
		if (e->nframe < need)
			return;
		serve(e, (struct view){ e->frame + 2, need - 2 });
		if (e->reader < 0)
			return;
		e->nframe -= need;
		memmove(e->frame, e->frame + need, e->nframe);
	}
}

int reader_work(struct emu *e)
{
	uint64_t now = emu_now_ms();

	if (e->in && e->reader < 0)
		return enter(e) ? RETRY_MS : 0;
	if (!e->busy || e->silent)
		return -1;
	if (now < e->due_ms)
		return (int)(e->due_ms - now);
	answer(e);
	return 0;
}
