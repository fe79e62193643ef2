// routes.c -- the table that routes.def makes.
#include "hotpathd/route.h"

#define HP_ROUTE(name) extern const struct hp_route hp_route_##name;
#include "routes/routes.def"
#undef HP_ROUTE

const struct hp_route *const hp_routes[] = {
#define HP_ROUTE(name) &hp_route_##name,
#include "routes/routes.def"
#undef HP_ROUTE
};

const size_t hp_route_count = sizeof hp_routes / sizeof *hp_routes;
