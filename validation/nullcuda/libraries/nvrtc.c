/* NVRTC: its version. */
#include "common.h"

int nvrtcVersion(int *a, int *b) { *a = 13; *b = 0; return 0; }
const char *nvrtcGetErrorString(int e) { (void)e; return "null nvrtc"; }
