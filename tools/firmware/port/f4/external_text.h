// SPDX-License-Identifier: MIT
#ifndef PORT_EXTERNAL_TEXT_H
#define PORT_EXTERNAL_TEXT_H

// Reset vector of a board whose code is in external flash; it goes on with Reset_Handler.
void external_text_reset(void);

#endif // PORT_EXTERNAL_TEXT_H
