/* SPDX-License-Identifier: MIT */
/*
 * stage.h: a stage: the process in which scripts are executed, one after another.
 *
 * It is this program, started again by side.c, so that its memory is as that of a fresh program.
 */
#ifndef REPLAY_STAGE_H
#define REPLAY_STAGE_H

#include "replay/board/board.h"

/*
 * `quire-replay STAGE_COMMAND EXECUTOR BOARD COMMANDS ANSWERS`: EXECUTOR is "library", "host" or
 * "guest", the others are descriptors: the board, a pipe of which each byte asks for the board's
 * script to be executed, and one into which a byte goes when it has been.
 */
#define STAGE_COMMAND "replay-stage"
int stage_main(int argc, char **argv);

#endif
