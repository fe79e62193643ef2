// events.c -- the next piece of a YAML file, and what it is.
#include "config/events.h"

void hp_events_done(struct hp_events *events)
{
    yaml_event_delete(&events->event);
    yaml_parser_delete(&events->parser);
}

static void stand_at(struct hp_events *events, yaml_mark_t mark)
{
    events->loading->at.line = mark.line + 1;
    events->loading->at.column = mark.column + 1;
}

static enum hp_code syntax_error(struct hp_events *events)
{
    const yaml_parser_t *parser = &events->parser;
    if (parser->error == YAML_MEMORY_ERROR)
        return hp_fail(events->loading->fault, HP_OVERLOADED, NULL, "no memory left");
    stand_at(events, parser->problem_mark);
    return HP_EVENTS_REFUSE(events, "not YAML: %s; check indent, quotes and brackets up to here",
        parser->problem ? parser->problem : "broken");
}

static enum hp_code refuse_anchor(
    struct hp_events *events, const yaml_char_t *anchor, const yaml_char_t *tag)
{
    if (anchor)
        return HP_EVENTS_REFUSE(
            events, "anchors are not taken; write the value out where it is used");
    if (tag)
        return HP_EVENTS_REFUSE(events, "tags are not taken; the option decides the type");
    return HP_OK;
}

// Moves on to the next event, and refuses what no option needs.
enum hp_code hp_events_next(struct hp_events *events)
{
    yaml_event_t *event = &events->event;
    yaml_event_delete(event);
    if (!yaml_parser_parse(&events->parser, event))
        return syntax_error(events);
    stand_at(events, event->start_mark);
    if (event->type == YAML_ALIAS_EVENT)
        return HP_EVENTS_REFUSE(events, "aliases are not taken; write the value out");
    if (event->type == YAML_SCALAR_EVENT)
        return refuse_anchor(events, event->data.scalar.anchor, event->data.scalar.tag);
    if (event->type == YAML_SEQUENCE_START_EVENT)
        return refuse_anchor(
            events, event->data.sequence_start.anchor, event->data.sequence_start.tag);
    if (event->type == YAML_MAPPING_START_EVENT)
        return refuse_anchor(
            events, event->data.mapping_start.anchor, event->data.mapping_start.tag);
    return HP_OK;
}

hp_str hp_events_scalar(const struct hp_events *events)
{
    return (
        hp_str){ (const char *)events->event.data.scalar.value, events->event.data.scalar.length };
}

bool hp_events_is_scalar(const struct hp_events *events)
{
    return events->event.type == YAML_SCALAR_EVENT;
}

bool hp_events_is_plain(const struct hp_events *events)
{
    return hp_events_is_scalar(events) &&
           events->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
}

// A key without a value, or one of the words for null.
bool hp_events_is_null(const struct hp_events *events)
{
    hp_str text = hp_events_scalar(events);
    return hp_events_is_plain(events) &&
           (text.len == 0 || hp_str_is(text, "~") || hp_str_equal_nocase(text, HP_S("null")));
}

enum hp_code hp_events_key(struct hp_events *events)
{
    if (!hp_events_is_scalar(events))
        return HP_EVENTS_REFUSE(events, "a list or a mapping as a key; a key is one word");
    if (hp_events_is_plain(events) && hp_str_is(hp_events_scalar(events), "<<"))
        return HP_EVENTS_REFUSE(events, "merge keys are not taken; write the values out");
    return HP_OK;
}
