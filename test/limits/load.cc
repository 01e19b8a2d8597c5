// usage: limits_load NAME [ARGUMENT...]   without a name: lists the loads
#include "limits/load.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <initializer_list>

#include "support/allocator.h"

namespace hak::test {

void say(const char* name, uint64_t value) {
  printf("%s %ju\n", name, static_cast<uintmax_t>(value));
  fflush(stdout);
}

int wrong(const char* what) {
  fprintf(stderr, "%s\n", what);
  return 1;
}

}  // namespace hak::test

using namespace hak::test;

int main(int argc, char** argv) {
  static char buffer[4096];  // stdio must not ask malloc when there is nothing left
  setvbuf(stdout, buffer, _IOFBF, sizeof buffer);
  if (const char* const no = wrong_allocator(); no != nullptr) return wrong(no);
  uint64_t arguments[kMostArguments] = {};
  for (int i = 2; i < argc && i - 2 < kMostArguments; i++) arguments[i - 2] = strtoull(argv[i], nullptr, 0);
  for (const Load* loads : {kLimitLoads, kMemoryLoads, kRefusalLoads})
    for (const Load* load = loads; load->name != nullptr; load++) {
      if (argc < 2) printf("%s %s\n", load->name, load->arguments);
      if (argc >= 2 && strcmp(load->name, argv[1]) == 0) return load->run(arguments);
    }
  return argc < 2 ? 0 : wrong("no such load");
}
