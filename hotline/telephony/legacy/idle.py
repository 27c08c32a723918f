"""Events of Asterisk 1.4 to 22 that say nothing of who talks to whom: known, and passed over."""

_NAMES = """
    agentcallbacklogin agentcallbacklogoff agentlogin agentlogoff agents agentscomplete agi agiexec agiexecend
    agiexecstart alarm alarmclear ami aoc-d aoc-e aoc-s aordetail aorlist aorlistcomplete asyncagi asyncagiend
    asyncagiexec asyncagistart attributechange authdetail authlist authlistcomplete authmethodnotallowed
    bridgeaction bridgecreate bridgeexec bridgeinfochannel bridgeinfocomplete bridgelistcomplete
    bridgelistitem bridgemerge bridgevideosourceupdate ccavailable cccallerrecalling cccallerstartmonitoring
    cccallerstopmonitoring ccfailure ccmonitorfailed ccoffertimerstart ccrecallcomplete ccrequestacknowledged
    ccrequested cdr cel challengeresponsefailed challengesent chandetail changedchannel channelreload
    channeltalkingstart channeltalkingstop channelupdate chanspyspyee chanspystart chanspystop
    confbridgeconnect confbridgeend confbridgelist confbridgelistcomplete confbridgelistrooms confbridgemute
    confbridgerecord confbridgestart confbridgestoprecord confbridgetalking confbridgeunmute contactlist
    contactlistcomplete contactstatus contactstatusdetail coreshowchannel coreshowchannelmap
    coreshowchannelmapcomplete coreshowchannelscomplete dahdichannel dahdihandset dahdishowchannels
    dahdishowchannelscomplete databasegetcomplete dataget dbgetcomplete dbgetresponse dbgettreecomplete
    deadlock deadlockstart devicestatechange devicestatelist devicestatelistcomplete dialstate dndstate dtmf
    dtmfbegin dtmfend endpointdetail endpointdetailcomplete endpointlist endpointlistcomplete
    extensionstatelistcomplete extensionstatus failedacl faxsession faxsessionscomplete faxsessionsentry
    faxstats faxstatus flash fullyloaded hangupcause hanguphandlerpop hanguphandlerpush hanguphandlerrun
    hangupstatus iaxregistry identifydetail inboundregistrationdetail inboundsubscriptiondetail
    inboundsubscriptiondetailcomplete invalidaccountid invalidpassword invalidtransport jabberevent
    jabberstatus jitterbufstats listdialplan load loadaverage loadaveragelimit locallist
    localoptimizationbegin localoptimizationend logchannel loginfail masquerade mcid meetmeend meetmelist
    meetmelistcomplete meetmemute meetmestoptalking meetmetalking meetmetalkrequest memorylimit messagewaiting
    minivoicemail mixmonitormute mixmonitorstart mixmonitorstop moduleloadreport monitorstart monitorstop
    musiconhold musiconholdstop mwiget mwigetcomplete newaccountcode newcalleridname newchannelstate
    newextension newpeeraccount originate originatefailure originateresponse originatesuccess
    outboundregistrationdetail outboundregistrationdetailcomplete outboundsubscriptiondetail
    outboundsubscriptiondetailcomplete parkedcallscomplete parkinglot parkinglotscomplete peerentry
    peerlistcomplete peerstatus pickupchannel placehold presencestatechange presencestatelistcomplete
    presencestatus queuecallerposition queueentry queuememberpenalty queuememberremoved queuememberringinuse
    queueparams queuerefresh queuerule queuestatuscomplete queuestatusend queuesummary queuesummarycomplete
    raidalarm readydtmf receivefax registrationinboundcontactstatuses registrationscomplete
    registrationsoutboundcomplete registry registryentry reload requestbadformat requestnotallowed
    requestnotsupported resourcelistdetail rtcpreceived rtcpreceiverstat rtcpsent rtpquality rtpreceiverstat
    rtpsenderstat sendfax sessionlimit sessiontimeout sippeerstatus sipqualifypeerdone skypeaccountstatus
    skypebuddystatus skypechatmessage softhanguprequest spanalarm spanalarmclear status statuscomplete
    subscriptiondetail successfulauth talkerdetect testevent transportdetail unexpectedaddress unload unpickup
    userevent vcallerid voicemailpasswordchange voicemailuserdetail voicemailuserentry
    voicemailuserentrycomplete waiteventcomplete wink zapshowchannels zapshowchannelscomplete
"""
IDLE = frozenset(_NAMES.split())
