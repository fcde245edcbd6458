# tenure_precompile(TARGET OWNER HEADER): HEADER is compiled once, for OWNER, and reused by the others.
# Both must be compiled with the same options and definitions.
function(tenure_precompile target owner header)
  if(target STREQUAL owner)
    target_precompile_headers(${target} PRIVATE ${CMAKE_SOURCE_DIR}/${header})
  elseif(TARGET ${owner})
    target_precompile_headers(${target} REUSE_FROM ${owner})
  endif()
endfunction()

# tenure_unity(TARGET [BATCH]): with TENURE_UNITY, its files are compiled BATCH (7) at a time. Helpers in anonymous namespaces
# have to have names of their own, then; that each file includes what it uses is seen where the option is off.
function(tenure_unity target)
  if(TENURE_UNITY)
    set(batch 7)
    if(ARGC GREATER 1)
      set(batch ${ARGV1})
    endif()
    set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE ${batch})
  endif()
endfunction()

# tenure_room(NAME DIR d LIBS l...): the static library tenure_NAME from d/*.cc. An empty room becomes
# an interface library, so that the arrows between rooms stay the same.
function(tenure_room name)
  cmake_parse_arguments(ROOM "" "DIR" "LIBS" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/${ROOM_DIR}/*.cc)
  if(sources)
    add_library(tenure_${name} STATIC ${sources})
    target_include_directories(tenure_${name} PUBLIC ${CMAKE_SOURCE_DIR} ${CMAKE_SOURCE_DIR}/include)
    target_link_libraries(tenure_${name} PUBLIC ${ROOM_LIBS})
    tenure_precompile(tenure_${name} tenure_base cmake/precompiled.h)
    tenure_unity(tenure_${name})
  else()
    add_library(tenure_${name} INTERFACE)
    target_include_directories(tenure_${name} INTERFACE ${CMAKE_SOURCE_DIR} ${CMAKE_SOURCE_DIR}/include)
    target_link_libraries(tenure_${name} INTERFACE ${ROOM_LIBS})
  endif()
endfunction()

# tenure_unit_tests(ROOM): test_ROOM from tests/unit/ROOM/*_test.cc, one ctest case per test. Not for the rooms in
# TENURE_TESTED_ELSEWHERE: ./check runs those under a sanitizer instead.
function(tenure_unit_tests room)
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/unit/${room}/*.cc)
  if(sources AND NOT room IN_LIST TENURE_TESTED_ELSEWHERE)
    add_executable(test_${room} ${sources})
    target_link_libraries(test_${room} PRIVATE tenure_${room} GTest::gtest_main GTest::gmock rapidcheck)
    tenure_unity(test_${room})
    target_precompile_headers(test_${room} REUSE_FROM test_precompiled)
    gtest_discover_tests(test_${room} TEST_PREFIX "${room}." DISCOVERY_TIMEOUT 60 PROPERTIES TIMEOUT 120)
  endif()
endfunction()
