// SPDX-License-Identifier: MIT
// A libpcsclite without pcscd: what it does with one reader.
#include "tests/unit/card_pcsc.h"

#include "tests/card/card.h"
#include "tests/card/openpgp.h"
#include "tests/card/piv.h"

#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>
#include <winscard.h>

#define KEYS_MAX 16

struct mock_pcsc mock_pcsc;
const SCARD_IO_REQUEST g_rgSCardT0Pci, g_rgSCardT1Pci, g_rgSCardRawPci;

/* One chip with two applications. */
static struct card cards[2];
static bool has[2];
static unsigned selected;

static struct {
	const char *kind;
	EVP_PKEY *key;
	uint8_t *spki;
	const char *cn;			/* of its certificate, which is made once */
	uint8_t der[1024];
	size_t nder;
} made[KEYS_MAX];

static struct card *application(const char *name)
{
	return &cards[!strcmp(name, "piv")];
}

static void wake(void)
{
	selected = has[0] ? 0 : 1;
	for (unsigned i = 0; i < 2; i++)
		if (has[i])
			card_wake(&cards[i]);
}

static void forget_cards(void)
{
	for (unsigned i = 0; i < 2; i++)
		if (has[i])
			card_free(&cards[i]);
	has[0] = has[1] = false;
}

void mock_pcsc_new(bool openpgp, bool piv, bool extended)
{
	forget_cards();
	mock_pcsc = (struct mock_pcsc){ .service = true, .reader = true, .card = true };
	has[0] = openpgp;
	has[1] = piv;
	for (unsigned i = 0; i < 2; i++) {
		cards[i] = (struct card){ .extended = extended };
		if (has[i])
			card_make(&cards[i], i ? &card_piv : &card_openpgp);
	}
	wake();
}

void mock_pcsc_free(void)
{
	forget_cards();
	for (unsigned i = 0; i < KEYS_MAX && made[i].kind; i++) {
		EVP_PKEY_free(made[i].key);
		OPENSSL_free(made[i].spki);
		made[i].kind = made[i].cn = NULL;
	}
}

static unsigned key_of(const char *kind)
{
	unsigned i = 0;

	while (made[i].kind && strcmp(made[i].kind, kind))
		i++;
	if (!made[i].kind) {
		made[i].kind = kind;
		made[i].key = key_generate(key_kind_by_name(kind));
	}
	return i;
}

struct view mock_pcsc_key(const char *app, const char *slot, const char *kind)
{
	struct card *c = application(app);
	int i = card_key_by_name(c, slot), n;
	unsigned k = key_of(kind);

	EVP_PKEY_up_ref(made[k].key);
	card_key_set(c, (unsigned)i, made[k].key);
	if (c->kind->enroll)
		c->kind->enroll(c, (unsigned)i);
	OPENSSL_free(made[k].spki);
	made[k].spki = NULL;
	n = i2d_PUBKEY(made[k].key, &made[k].spki);
	return (struct view){ made[k].spki, n > 0 ? (size_t)n : 0 };
}

void mock_pcsc_cert(const char *app, const char *slot, struct view der)
{
	struct card *c = application(app);

	c->kind->certificate(c, c->kind->keys[card_key_by_name(c, slot)].certificate, der);
}

int mock_pcsc_make_cert(struct view spki, const char *cn, uint8_t *out, size_t *n)
{
	const uint8_t *p = spki.p;
	EVP_PKEY *key = d2i_PUBKEY(NULL, &p, (long)spki.n), *ca = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	X509 *x = X509_new();
	size_t room = *n;
	int len;

	X509_set_version(x, 2);
	X509_gmtime_adj(X509_getm_notBefore(x), 0);
	X509_gmtime_adj(X509_getm_notAfter(x), 3600);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC, (const unsigned char *)cn, -1, -1, 0);
	X509_NAME_add_entry_by_txt(X509_get_issuer_name(x), "CN", MBSTRING_ASC, (const unsigned char *)"CA", -1, -1, 0);
	X509_set_pubkey(x, key);
	len = X509_sign(x, ca, EVP_sha256()) > 0 ? i2d_X509(x, NULL) : -1;
	*n = len > 0 && (size_t)len <= room ? (size_t)i2d_X509(x, &out) : 0;
	X509_free(x);
	EVP_PKEY_free(key);
	EVP_PKEY_free(ca);
	return *n ? 0 : -1;
}

int mock_pcsc_certify(const char *app, const char *slot, const char *kind, const char *cn)
{
	struct view spki = mock_pcsc_key(app, slot, kind);
	unsigned k = key_of(kind);

	if (!made[k].cn || strcmp(made[k].cn, cn)) {
		made[k].cn = NULL;
		made[k].nder = sizeof(made[k].der);
		if (mock_pcsc_make_cert(spki, cn, made[k].der, &made[k].nder))
			return -1;
		made[k].cn = cn;
	}
	mock_pcsc_cert(app, slot, (struct view){ made[k].der, made[k].nder });
	return 0;
}

struct view mock_pcsc_object(const char *app, uint32_t tag)
{
	return card_object(application(app), tag);
}

void mock_pcsc_object_set(const char *app, uint32_t tag, struct view value)
{
	card_object_set(application(app), tag, value);
}

int mock_pcsc_tries(const char *app, const char *pin)
{
	struct card *c = application(app);

	return c->pins[card_pin_by_name(c, pin)].tries;
}

int mock_pcsc_pin_set(const char *app, const char *pin, struct view value)
{
	struct card *c = application(app);

	return card_pin_set(c, (unsigned)card_pin_by_name(c, pin), value);
}

bool mock_pcsc_may_administrate(const char *app)
{
	return application(app)->access & (strcmp(app, "piv") ? OPENPGP_MAY_ADMIN : PIV_MAY_ADMIN);
}

void mock_pcsc_pull(void)
{
	mock_pcsc.card = false;
}

void mock_pcsc_push(void)
{
	wake();
	mock_pcsc.card = true;
}

static unsigned status_of(const struct wr *w)
{
	return w->len < 2 ? 0 : (unsigned)w->buf[w->len - 2] << 8 | w->buf[w->len - 1];
}

/* SELECT goes to who it is for; where another one was selected, that one's logins are over. */
static void carry_out(struct view frame, struct wr *w)
{
	struct wr begin = *w;

	if (frame.n > 4 && frame.p[1] == 0xa4 && frame.p[2] == 4) {
		for (unsigned i = 0; i < 2; i++) {
			*w = begin;
			if (!has[i])
				continue;
			card_transmit(&cards[i], frame, w);
			if (status_of(w) != SW_OK && status_of(w) >> 8 != 0x61)
				continue;
			if (i != selected && has[selected])
				card_wake(&cards[selected]);
			selected = i;
			return;
		}
		*w = begin;
		wr_u16(w, SW_NOT_FOUND);
	} else if (has[selected]) {
		card_transmit(&cards[selected], frame, w);
	} else {
		wr_u16(w, SW_INSTRUCTION);
	}
}

unsigned mock_pcsc_other(const void *apdu, size_t n)
{
	uint8_t out[CARD_FRAME_MAX];
	struct wr w = wr_of(out, sizeof(out));

	carry_out((struct view){ apdu, n }, &w);
	return status_of(&w);
}

const char *pcsc_stringify_error(const LONG rv)
{
	(void)rv;
	return "An error.";
}

LONG SCardEstablishContext(DWORD scope, LPCVOID reserved1, LPCVOID reserved2, LPSCARDCONTEXT context)
{
	(void)scope;
	(void)reserved1;
	(void)reserved2;
	if (!mock_pcsc.service)
		return SCARD_E_NO_SERVICE;
	*context = 1;
	mock_pcsc.contexts++;
	return SCARD_S_SUCCESS;
}

LONG SCardReleaseContext(SCARDCONTEXT context)
{
	(void)context;
	mock_pcsc.contexts--;
	return SCARD_S_SUCCESS;
}

static LONG state(void)
{
	if (!mock_pcsc.service)
		return SCARD_F_COMM_ERROR;
	if (!mock_pcsc.reader)
		return SCARD_E_READER_UNAVAILABLE;
	return mock_pcsc.card ? SCARD_S_SUCCESS : SCARD_W_REMOVED_CARD;
}

LONG SCardConnect(SCARDCONTEXT context, LPCSTR reader, DWORD share, DWORD protocols, LPSCARDHANDLE handle, LPDWORD protocol)
{
	LONG rv = state();

	(void)context;
	(void)protocols;
	if (share != SCARD_SHARE_SHARED)
		abort();
	if (strcmp(reader, MOCK_READER))
		return SCARD_E_UNKNOWN_READER;
	if (rv)
		return rv == SCARD_W_REMOVED_CARD ? SCARD_E_NO_SMARTCARD : rv;
	if (mock_pcsc.exclusive)
		return SCARD_E_SHARING_VIOLATION;
	*handle = 1;
	*protocol = mock_pcsc.t0 ? SCARD_PROTOCOL_T0 : SCARD_PROTOCOL_T1;
	mock_pcsc.handles++;
	mock_pcsc.was_reset = false;
	return SCARD_S_SUCCESS;
}

LONG SCardReconnect(SCARDHANDLE handle, DWORD share, DWORD protocols, DWORD how, LPDWORD protocol)
{
	(void)handle;
	(void)share;
	(void)protocols;
	(void)how;
	*protocol = mock_pcsc.t0 ? SCARD_PROTOCOL_T0 : SCARD_PROTOCOL_T1;
	mock_pcsc.was_reset = false;
	return state();
}

LONG SCardDisconnect(SCARDHANDLE handle, DWORD how)
{
	(void)handle;
	if (mock_pcsc.transactions)
		abort();
	mock_pcsc.handles--;
	if (how == SCARD_RESET_CARD && mock_pcsc.card)
		wake();
	return SCARD_S_SUCCESS;
}

LONG SCardBeginTransaction(SCARDHANDLE handle)
{
	LONG rv = state();

	(void)handle;
	if (rv)
		return rv;
	if (mock_pcsc.was_reset)
		return SCARD_W_RESET_CARD;
	mock_pcsc.transactions++;
	return SCARD_S_SUCCESS;
}

LONG SCardEndTransaction(SCARDHANDLE handle, DWORD how)
{
	(void)handle;
	(void)how;
	mock_pcsc.transactions--;
	return state();
}

LONG SCardTransmit(SCARDHANDLE handle, const SCARD_IO_REQUEST *send_io, LPCBYTE command, DWORD ncommand, SCARD_IO_REQUEST *receive_io,
		   LPBYTE answer, LPDWORD nanswer)
{
	static uint8_t out[70000];
	struct wr w = wr_of(out, sizeof(out));
	unsigned n = mock_pcsc.count++;
	LONG rv = state();

	(void)handle;
	(void)send_io;
	(void)receive_io;
	if (mock_pcsc.transactions != 1)
		abort();
	if (!rv && mock_pcsc.fail)
		rv = mock_pcsc.fail(n);
	if (rv)
		return rv;
	if (ncommand > mock_pcsc.wrote)
		mock_pcsc.wrote = (unsigned)ncommand;
	carry_out((struct view){ command, ncommand }, &w);
	if (mock_pcsc.spoil)
		mock_pcsc.spoil(n, (struct view){ command, ncommand }, out, &w.len);
	if (w.len > *nanswer)
		return SCARD_E_INSUFFICIENT_BUFFER;
	memcpy(answer, out, w.len);
	*nanswer = w.len;
	return SCARD_S_SUCCESS;
}

LONG SCardListReaders(SCARDCONTEXT context, LPCSTR groups, LPSTR readers, LPDWORD n)
{
	static const char names[] = MOCK_READER "\0";

	(void)context;
	(void)groups;
	if (!mock_pcsc.service)
		return SCARD_E_NO_SERVICE;
	if (!mock_pcsc.reader)
		return SCARD_E_NO_READERS_AVAILABLE;
	if (*n < sizeof(names))
		return SCARD_E_INSUFFICIENT_BUFFER;
	memcpy(readers, names, sizeof(names));
	*n = sizeof(names);
	return SCARD_S_SUCCESS;
}

/* Nothing ever happens while one waits. */
LONG SCardGetStatusChange(SCARDCONTEXT context, DWORD timeout, SCARD_READERSTATE *states, DWORD n)
{
	(void)context;
	(void)timeout;
	if (!mock_pcsc.service)
		return SCARD_E_NO_SERVICE;
	for (DWORD i = 0; i < n; i++)
		states[i].dwEventState = mock_pcsc.card ? SCARD_STATE_PRESENT : SCARD_STATE_EMPTY;
	for (DWORD i = 0; i < n; i++)
		if (states[i].dwCurrentState != states[i].dwEventState)
			return SCARD_S_SUCCESS;
	return SCARD_E_TIMEOUT;
}
