// places.h -- where the daemon and its clients meet when nobody says otherwise.
#pragma once

#define HP_DATA_ADDRESS "127.0.0.1:8377"
#define HP_ADMIN_ADDRESS "127.0.0.1:8378"
#define HP_RUN_FOLDER "/run/hotpathd"
#define HP_DATA_SOCKET HP_RUN_FOLDER "/hotpathd.sock" // where its folder can be written
