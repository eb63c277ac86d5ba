#pragma once
/* The 8-bit library: subjects are UTF-8 bytes, as events are. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
