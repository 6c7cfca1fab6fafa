/* cuBLAS: a handle, and modes that say nothing special. */
#include "common.h"

int cublasCreate_v2(void **h) { *h = handle(); return 0; }
int cublasGetPointerMode_v2(void *h, int *m) { (void)h; *m = 0; return 0; }
int cublasGetMathMode(void *h, int *m) { (void)h; *m = 0; return 0; }
