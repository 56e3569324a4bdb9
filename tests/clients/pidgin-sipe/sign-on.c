/*
 * A messenger without a window: signs one account on through libpurple and Debian's pidgin-sipe, and says how it ended.
 *
 * sign-on DIRECTORY CA-FILE ADDRESS SECONDS, the password on standard input. What the plugin has to say goes to
 * standard error. The one line on standard output is `signed on`, `refused: WHY` or `timed out`, and the status is
 * 0, 1 or 2; 3 means that the messenger itself is not usable.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libpurple/purple.h>

enum outcome { SIGNED_ON = 0, REFUSED = 1, TIMED_OUT = 2, UNUSABLE = 3 };

static GMainLoop *loop;
static enum outcome outcome = UNUSABLE;

static void end(enum outcome how, const char *why)
{
	if (!g_main_loop_is_running(loop))
		return;
	outcome = how;
	printf(how == SIGNED_ON ? "signed on\n" : how == TIMED_OUT ? "timed out\n" : "refused: %s\n", why);
	g_main_loop_quit(loop);
}

/* libpurple leaves descriptors and timers to whoever embeds it: here they are GLib's. */

struct watch {
	PurpleInputFunction function;
	gpointer data;
};

static gboolean ready(GIOChannel *channel, GIOCondition condition, gpointer data)
{
	struct watch *watch = data;
	PurpleInputCondition what = 0;

	if (condition & (G_IO_IN | G_IO_HUP | G_IO_ERR))
		what |= PURPLE_INPUT_READ;
	if (condition & (G_IO_OUT | G_IO_HUP | G_IO_ERR | G_IO_NVAL))
		what |= PURPLE_INPUT_WRITE;
	watch->function(watch->data, g_io_channel_unix_get_fd(channel), what);
	return TRUE;
}

static guint input_add(gint fd, PurpleInputCondition what, PurpleInputFunction function, gpointer data)
{
	struct watch *watch = g_new0(struct watch, 1);
	GIOChannel *channel = g_io_channel_unix_new(fd);
	GIOCondition condition = 0;

	watch->function = function;
	watch->data = data;
	if (what & PURPLE_INPUT_READ)
		condition |= G_IO_IN | G_IO_HUP | G_IO_ERR;
	if (what & PURPLE_INPUT_WRITE)
		condition |= G_IO_OUT | G_IO_HUP | G_IO_ERR | G_IO_NVAL;
	guint id = g_io_add_watch_full(channel, G_PRIORITY_DEFAULT, condition, ready, watch, g_free);
	g_io_channel_unref(channel);
	return id;
}

static PurpleEventLoopUiOps event_loop = {
	.timeout_add = g_timeout_add,
	.timeout_remove = g_source_remove,
	.input_add = input_add,
	.input_remove = g_source_remove,
	.timeout_add_seconds = g_timeout_add_seconds,
};

/* What the plugin says. */

static void print(PurpleDebugLevel level, const char *category, const char *text)
{
	(void) level;
	fprintf(stderr, "%s: %s", category ? category : "-", text);
}

static PurpleDebugUiOps debug = { .print = print };

/* libpurple would say everything a second time, where only the verdict belongs. */
static void nothing(const char *text)
{
	(void) text;
}

/* Nobody is here to be asked, so every question ends the attempt: above all the one about a certificate. */

static void *asked(const char *title, const char *primary, const char *secondary)
{
	char *why = g_strdup_printf("asks `%s`: %s %s", title ? title : "", primary ? primary : "",
	                            secondary ? secondary : "");
	end(REFUSED, why);
	g_free(why);
	return NULL;
}

static void *request_action(const char *title, const char *primary, const char *secondary, int standard,
                            PurpleAccount *account, const char *who, PurpleConversation *conversation,
                            void *data, size_t count, va_list actions)
{
	(void) standard, (void) account, (void) who, (void) conversation, (void) data, (void) count, (void) actions;
	return asked(title, primary, secondary);
}

static void *request_fields(const char *title, const char *primary, const char *secondary,
                            PurpleRequestFields *fields, const char *ok, GCallback on_ok, const char *cancel,
                            GCallback on_cancel, PurpleAccount *account, const char *who,
                            PurpleConversation *conversation, void *data)
{
	(void) fields, (void) ok, (void) on_ok, (void) cancel, (void) on_cancel;
	(void) account, (void) who, (void) conversation, (void) data;
	return asked(title, primary, secondary);
}

static PurpleRequestUiOps request = { .request_action = request_action, .request_fields = request_fields };

/* How it ends. */

static void signed_on(PurpleConnection *connection, gpointer data)
{
	(void) connection, (void) data;
	end(SIGNED_ON, NULL);
}

static void connection_error(PurpleConnection *connection, PurpleConnectionError error, const char *why, gpointer data)
{
	(void) connection, (void) error, (void) data;
	end(REFUSED, why);
}

static gboolean too_late(gpointer data)
{
	(void) data;
	end(TIMED_OUT, NULL);
	return FALSE;
}

/* The authority becomes one of those that libpurple's own verifier trusts. */
static gboolean trust(const char *file)
{
	PurpleCertificateScheme *x509 = purple_certificate_find_scheme("x509");
	PurpleCertificatePool *authorities = purple_certificate_find_pool("x509", "ca");
	PurpleCertificate *authority = x509 && authorities ? purple_certificate_import(x509, file) : NULL;
	gboolean stored = authority && purple_certificate_pool_store(authorities, "office", authority);

	if (authority)
		purple_certificate_destroy(authority);
	return stored;
}

static char *password(void)
{
	static char line[256];

	if (!fgets(line, sizeof line, stdin))
		return NULL;
	line[strcspn(line, "\n")] = '\0';
	return line;
}

static int unusable(const char *what)
{
	fprintf(stderr, "sign-on: %s\n", what);
	return UNUSABLE;
}

static void begin(const char *address, const char *secret)
{
	static int handle;
	PurpleAccount *account = purple_account_new(address, "prpl-sipe");

	purple_account_set_password(account, secret);
	purple_accounts_add(account);
	purple_signal_connect(purple_connections_get_handle(), "signed-on", &handle,
	                      PURPLE_CALLBACK(signed_on), NULL);
	purple_signal_connect(purple_connections_get_handle(), "connection-error", &handle,
	                      PURPLE_CALLBACK(connection_error), NULL);
	purple_account_set_enabled(account, "fulmar-sign-on", TRUE);
	purple_savedstatus_activate(purple_savedstatus_new(NULL, PURPLE_STATUS_AVAILABLE));
}

int main(int argc, char **argv)
{
	if (argc != 5)
		return unusable("DIRECTORY CA-FILE ADDRESS SECONDS, and the password on standard input");
	char *secret = password();
	if (!secret)
		return unusable("there is no password on standard input");

	loop = g_main_loop_new(NULL, FALSE);
	purple_util_set_user_dir(argv[1]);
	g_set_print_handler(nothing);
	purple_debug_set_ui_ops(&debug);
	purple_debug_set_enabled(TRUE);
	purple_eventloop_set_ui_ops(&event_loop);
	purple_request_set_ui_ops(&request);
	if (!purple_core_init("fulmar-sign-on"))
		return unusable("libpurple does not start");
	purple_set_blist(purple_blist_new());
	if (!purple_find_prpl("prpl-sipe"))
		return unusable("there is no plugin `prpl-sipe`; Debian's package is pidgin-sipe");
	if (!trust(argv[2]))
		return unusable("the authority's certificate can not be read");

	g_timeout_add_seconds((guint) atoi(argv[4]), too_late, NULL);
	begin(argv[3], secret);
	g_main_loop_run(loop);
	fflush(NULL);
	/* Without taking anything down: a connection that hangs must not hold the verdict up. */
	_Exit(outcome);
}
