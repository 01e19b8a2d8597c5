/* Stands in for libhakmem.so: shows that it was loaded, when asked to. */
#include <stdlib.h>
#include <unistd.h>

__attribute__((constructor)) static void loaded(void) {
  static const char text[] = "stand-in loaded\n";
  if (getenv("STAND_IN_TELL") == NULL) return;
  if (write(2, text, sizeof text - 1) < 0) _exit(99);
}
