/* NCCL: its version. */
#include "common.h"

int ncclGetVersion(int *v) { *v = 22907; return 0; }
const char *ncclGetErrorString(int e) { (void)e; return "null nccl"; }
