/*
 * Lets libsipe read XML with the libxml2 of Debian 12.
 *
 * libsipe fills only the SAX1 members of its handler, yet marks it as one of SAX2. Older releases of libxml2 looked
 * at the members; the one in Debian 12 believes the mark, calls the SAX2 members, which are empty, and every
 * document seems to be empty. Loaded with LD_PRELOAD, this takes the mark away where no SAX2 member is set.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <libxml/parser.h>

typedef int parse_memory(xmlSAXHandlerPtr, void *, const char *, int);

int xmlSAXUserParseMemory(xmlSAXHandlerPtr handler, void *data, const char *text, int size)
{
	parse_memory *parse = (parse_memory *) dlsym(RTLD_NEXT, "xmlSAXUserParseMemory");

	if (!parse)
		return -1;
	if (!handler || handler->startElementNs || handler->endElementNs)
		return parse(handler, data, text, size);

	xmlSAXHandler sax1 = *handler;
	sax1.initialized = 1;
	return parse(&sax1, data, text, size);
}
