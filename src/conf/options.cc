#include "conf/options.h"

namespace hak::conf {

constinit Config g_config = defaults();

const Option* find_option(std::string_view name) {
  for (const Option& option : kOptions)
    if (option.name == name) return &option;
  return nullptr;
}

}  // namespace hak::conf
