# The public library: one shared object made of all rooms, with only include/tenure visible. Programs
# of this repository link the rooms statically instead: that starts faster.
set(room_objects)
foreach(room base model conflict lease ingest journal index commit recovery store)
  list(APPEND room_objects $<TARGET_OBJECTS:tenure_${room}>)
endforeach()
add_library(tenure_shared SHARED ${room_objects})
set_target_properties(tenure_shared PROPERTIES OUTPUT_NAME tenure VERSION ${PROJECT_VERSION}
                      SOVERSION ${PROJECT_VERSION_MAJOR} EXPORT_NAME tenure)
target_include_directories(tenure_shared INTERFACE $<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}/include>
                           $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
target_compile_features(tenure_shared INTERFACE cxx_std_20)
target_link_options(tenure_shared PRIVATE -Wl,--no-undefined -Wl,--version-script=${CMAKE_SOURCE_DIR}/cmake/exports.map)
set_target_properties(tenure_shared PROPERTIES LINK_DEPENDS ${CMAKE_SOURCE_DIR}/cmake/exports.map)
# By name: the shared library takes the shared ones, whatever the programs link.
target_link_libraries(tenure_shared PRIVATE sqlite3 crypto boost_filesystem Threads::Threads)

install(TARGETS tenure_shared EXPORT tenure-targets LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY include/tenure DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")
install(DIRECTORY schemas/ DESTINATION ${CMAKE_INSTALL_DATADIR}/tenure/schemas)
install(EXPORT tenure-targets NAMESPACE tenure:: FILE tenure-config.cmake
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/tenure)
foreach(program tenure tenure-replay tenure-load)
  if(TARGET ${program})
    install(TARGETS ${program} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
  endif()
endforeach()
