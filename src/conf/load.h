// Reads the environment into g_config, warns about what it doesn't understand, prints the help that was asked for.
// Called once by api/start, before any other thread exists.
#pragma once

#include <string_view>

#include "base/format.h"
#include "conf/config.h"

namespace hak::conf {

/// Fills g_config from HAKMEM_ variables and HAKMEM_CONF, arms os/fault, prints HAKMEM_HELP to stderr.
/// environ: may be null (too early in the process: all defaults). A process with raised privileges (AT_SECURE)
/// ignores its environment. Errors: one warning line on stderr for each variable that is unknown or malformed; its
/// default stays, the rest applies. Threads: one, once. Keeps errno.
void load(char** environ);

using Warn = void (*)(void* context, std::string_view line);

/// The same into `out`, without side effects: warnings go to warn(context, line), nothing is printed or armed.
void read_environment(char** environ, Config& out, Warn warn, void* context);

/// Adds " HAKMEM_DECAY=2 s HAKMEM_STATS=1": the options that aren't at their defaults; " all at their defaults" where
/// there are none.
void add_changed(Text& out);

/// Adds the table that HAKMEM_HELP=1 prints, at most 80 columns wide.
void add_help(Text& out);

}  // namespace hak::conf
