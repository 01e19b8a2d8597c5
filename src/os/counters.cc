#include "os/counters.h"

namespace hak::os {

constinit Counters g_counters;

}  // namespace hak::os
