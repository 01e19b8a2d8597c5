// part of: namespaces.c
#include "block.h"

void churn_there(uint64_t seed, int count) { churn(seed, count); }
