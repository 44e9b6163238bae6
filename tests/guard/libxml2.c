/*
 * Parses documents as libvirt does, and prints what libxml2 has read.
 *
 * In: documents, each as its length (32 bits, this machine's byte order) and its bytes. Out, for each: the document that was
 * read, without comments, CDATA and references, then the strings of /domain/name, /domain/uuid and /domain/@id as libvirt's
 * XPath finds them, each as its length and its bytes. A document that libxml2 rejects has the length ~0 and no strings.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libxml/parser.h>
#include <libxml/xpath.h>

static xmlBufferPtr out;

/* White space stays as it is, except in attributes, where it would become blanks. */
static void text(const xmlChar *text, const char *special)
{
    char reference[16];

    for (; *text; text++) {
        if (strchr(special, *text)) {
            snprintf(reference, sizeof(reference), "&#%d;", *text);
            xmlBufferCat(out, BAD_CAST reference);
        } else {
            xmlBufferAdd(out, text, 1);
        }
    }
}

static void attribute(const char *before, const xmlChar *prefix, const xmlChar *name, const xmlChar *value)
{
    xmlBufferCat(out, BAD_CAST before);
    if (prefix)
        xmlBufferCat(out, prefix);
    if (prefix && name)
        xmlBufferCat(out, BAD_CAST ":");
    if (name)
        xmlBufferCat(out, name);
    xmlBufferCat(out, BAD_CAST "='");
    if (value)
        text(value, "&<'\t\n\r");
    xmlBufferCat(out, BAD_CAST "'");
}

static void element(xmlNodePtr node)
{
    for (; node; node = node->next) {
        if (node->type == XML_TEXT_NODE || node->type == XML_CDATA_SECTION_NODE) {
            text(node->content, "&<>\r");
        } else if (node->type == XML_ELEMENT_NODE) {
            const xmlChar *prefix = node->ns ? node->ns->prefix : NULL;

            xmlBufferCat(out, BAD_CAST "<");
            if (prefix) {
                xmlBufferCat(out, prefix);
                xmlBufferCat(out, BAD_CAST ":");
            }
            xmlBufferCat(out, node->name);
            for (xmlNsPtr ns = node->nsDef; ns; ns = ns->next)
                attribute(ns->prefix ? " xmlns:" : " xmlns", ns->prefix, NULL, ns->href);
            for (xmlAttrPtr attr = node->properties; attr; attr = attr->next) {
                xmlChar *value = xmlNodeListGetString(node->doc, attr->children, 1);

                attribute(" ", attr->ns ? attr->ns->prefix : NULL, attr->name, value);
                xmlFree(value);
            }
            xmlBufferCat(out, BAD_CAST ">");
            element(node->children);
            xmlBufferCat(out, BAD_CAST "</");
            if (prefix) {
                xmlBufferCat(out, prefix);
                xmlBufferCat(out, BAD_CAST ":");
            }
            xmlBufferCat(out, node->name);
            xmlBufferCat(out, BAD_CAST ">");
        }
    }
}

static void answer(const xmlChar *bytes, uint32_t length)
{
    fwrite(&length, sizeof(length), 1, stdout);
    fwrite(bytes, 1, length, stdout);
}

static void ignore(void *data, const char *format, ...)
{
    (void)data;
    (void)format;
}

int main(void)
{
    static const char *const strings[] = { "string(/domain/name[1])", "string(/domain/uuid[1])", "string(/domain/@id)" };
    uint32_t length;

    xmlSetGenericErrorFunc(NULL, ignore);
    while (fread(&length, sizeof(length), 1, stdin) == 1) {
        char *source = calloc(1, (size_t)length + 1);

        if (!source || fread(source, 1, length, stdin) != length)
            return 1;
        /* A C string, as libvirt has it. */
        xmlDocPtr doc = xmlReadDoc(BAD_CAST source, "domain.xml", NULL, XML_PARSE_NONET | XML_PARSE_NOWARNING | XML_PARSE_NOERROR);
        if (!doc) {
            length = UINT32_MAX;
            fwrite(&length, sizeof(length), 1, stdout);
        } else {
            out = xmlBufferCreate();
            element(doc->children);
            answer(xmlBufferContent(out), (uint32_t)xmlBufferLength(out));
            xmlBufferFree(out);
            xmlXPathContextPtr context = xmlXPathNewContext(doc);
            for (size_t at = 0; at < sizeof(strings) / sizeof(*strings); at++) {
                xmlXPathObjectPtr object = xmlXPathEvalExpression(BAD_CAST strings[at], context);

                answer(object->stringval, (uint32_t)xmlStrlen(object->stringval));
                xmlXPathFreeObject(object);
            }
            xmlXPathFreeContext(context);
            xmlFreeDoc(doc);
        }
        free(source);
    }
    return 0;
}
