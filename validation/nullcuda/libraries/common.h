/* Shared by the stand-ins: what the environment says of the device, and opaque handles.
 *
 * NULLCUDA_MEM (GiB, default 80), NULLCUDA_SM (80, 86, 90, ... default 80), NULLCUDA_SMS (multiprocessors, default 108),
 * NULLCUDA_TRACE=1 (print cudaMalloc, cudaFree and copies to the host).
 */
#pragma once
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static long env_long(const char *k, long d) { const char *v = getenv(k); return v && *v ? atol(v) : d; }
static int sm_arch(void) { static int v; if (!v) v = (int)env_long("NULLCUDA_SM", 80); return v; }
static int sm_count(void) { static int v; if (!v) v = (int)env_long("NULLCUDA_SMS", 108); return v; }
static void *handle(void) { return calloc(1, 64); }
