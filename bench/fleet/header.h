// SPDX-License-Identifier: BSD-3-Clause
// header: the forms of headers that gateways use, by number; any number is one of them.
#pragma once

#include <stdbool.h>

bool form_names_gateway(unsigned form);
bool form_names_sender(unsigned form);
// Its time is in UTC.
bool form_is_utc(unsigned form);
