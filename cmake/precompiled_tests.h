// What nearly every test includes.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <filesystem>
#include <set>
#include <sstream>
#include <thread>

#include "cmake/precompiled.h"
