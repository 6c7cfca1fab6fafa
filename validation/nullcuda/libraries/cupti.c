/* CUPTI: its version. */
#include "common.h"

int cuptiGetVersion(uint32_t *v) { *v = 130000; return 0; }
