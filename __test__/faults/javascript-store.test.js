'use strict'

require('./lab/guarantee').guarantee('koa-session-native, JavaScript store')
