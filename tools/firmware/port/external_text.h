// SPDX-License-Identifier: MIT
#ifndef PORT_EXTERNAL_TEXT_H
#define PORT_EXTERNAL_TEXT_H

#include "board.h"

void Reset_Handler(void);

// What a reset starts if the code is in external flash; it goes on with Reset_Handler.
void external_text_reset(void);

#define FIRST_HANDLER (BOARD_TEXT ? external_text_reset : Reset_Handler)

#endif // PORT_EXTERNAL_TEXT_H
