// waterline-events: events in a process of its own. Flags: --help.

#include "services/waterlined/program.h"

int main(int argc, char** argv) { return waterline::deployment::RunSeparate("events", argc, argv); }
