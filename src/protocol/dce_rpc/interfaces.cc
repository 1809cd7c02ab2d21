#include "protocol/dce_rpc/interfaces.h"

#include <algorithm>
#include <iterator>

namespace whodunit::protocol::dce_rpc {
namespace {

struct Interface {
  std::string_view uuid;
  std::string_view name;
  std::string_view operations;  // from number 0, with a space between them; "-" has no name
};

constexpr Interface kInterfaces[] = {
    // [MS-SCMR] 3.1.4
    {"367abb81-9844-35f1-ad32-98f038001003", "svcctl",
     "CloseServiceHandle ControlService DeleteService LockServiceDatabase QueryServiceObjectSecurity "
     "SetServiceObjectSecurity QueryServiceStatus SetServiceStatus UnlockServiceDatabase NotifyBootConfigStatus "
     "ScSetServiceBitsW ChangeServiceConfigW CreateServiceW EnumDependentServicesW EnumServicesStatusW OpenSCManagerW "
     "OpenServiceW QueryServiceConfigW QueryServiceLockStatusW StartServiceW GetServiceDisplayNameW GetServiceKeyNameW "
     "ScSetServiceBitsA ChangeServiceConfigA CreateServiceA EnumDependentServicesA EnumServicesStatusA OpenSCManagerA "
     "OpenServiceA QueryServiceConfigA QueryServiceLockStatusA StartServiceA GetServiceDisplayNameA GetServiceKeyNameA "
     "ScGetCurrentGroupStateW EnumServiceGroupW ChangeServiceConfig2A ChangeServiceConfig2W QueryServiceConfig2A "
     "QueryServiceConfig2W QueryServiceStatusEx EnumServicesStatusExA EnumServicesStatusExW ScSendTSMessage "
     "CreateServiceWOW64A CreateServiceWOW64W ScQueryServiceTagInfo NotifyServiceStatusChange GetNotifyResult "
     "CloseNotifyHandle ControlServiceExA ControlServiceExW ScSendPnPMessage ScValidatePnPService "
     "ScOpenServiceStatusHandle - QueryServiceConfigEx - - - CreateWowService - - - OpenSCManager2"},
    // [MS-TSCH] 3.2.5
    {"86d35949-83c9-4044-b424-db363231fd0c", "ITaskSchedulerService",
     "SchRpcHighestVersion SchRpcRegisterTask SchRpcRetrieveTask SchRpcCreateFolder SchRpcSetSecurity "
     "SchRpcGetSecurity "
     "SchRpcEnumFolder SchRpcEnumTasks SchRpcEnumInstances SchRpcGetInstanceInfo SchRpcStopInstance SchRpcStop "
     "SchRpcRun "
     "SchRpcDelete SchRpcRename SchRpcScheduledRuntimes SchRpcGetLastRunInfo SchRpcGetTaskInfo "
     "SchRpcGetNumberOfMissedRuns SchRpcEnableTask"},
    {"1ff70682-0a51-30e8-076d-740be8cee98b", "atsvc", "NetrJobAdd NetrJobDel NetrJobEnum NetrJobGetInfo"},
    {"378e52b0-c0a9-11cf-822d-00aa0051e40f", "sasec",
     "SASetAccountInformation SASetNSAccountInformation SAGetNSAccountInformation SAGetAccountInformation"},
    // [C706] appendix Q
    {"afa8bd80-7d8a-11c9-bef4-08002b102989", "mgmt",
     "inq_if_ids inq_stats is_server_listening stop_server_listening inq_princ_name"},
    {"e1af8308-5d1f-11c9-91a4-08002b14a0fa", "epmapper",
     "ept_insert ept_delete ept_lookup ept_map ept_lookup_handle_free ept_inq_object ept_mgmt_delete"},
    // [MS-DCOM] 3.1.2.5
    {"000001a0-0000-0000-c000-000000000046", "IRemoteSCMActivator",
     "QueryInterfaceIRemoteSCMActivator AddRefIRemoteISCMActivator ReleaseIRemoteISCMActivator RemoteGetClassObject "
     "RemoteCreateInstance"},
    {"00000131-0000-0000-c000-000000000046", "IRemUnknown",
     "QueryInterface AddRef Release RemQueryInterface RemAddRef RemRelease"},
    {"00000143-0000-0000-c000-000000000046", "IRemUnknown2",
     "QueryInterface AddRef Release RemQueryInterface RemAddRef RemRelease RemQueryInterface2"},
    {"4d9f4ab8-7d1c-11cf-861e-0020af6e7c57", "IActivation", "RemoteActivation"},
    {"99fcfec4-5260-101b-bbcb-00aa0021347a", "IObjectExporter",
     "ResolveOxid SimplePing ComplexPing ServerAlive ResolveOxid2 ServerAlive2"},
    {"00020400-0000-0000-c000-000000000046", "IDispatch",
     "QueryInterface AddRef Release GetTypeInfoCount GetTypeInfo GetIDsOfNames Invoke"},
    // [MS-LSAD] 3.1.4, [MS-LSAT] 3.1.4
    {"12345778-1234-abcd-ef00-0123456789ab", "lsarpc",
     "LsarClose LsarDelete LsarEnumeratePrivileges LsarQuerySecurityObject LsarSetSecurityObject LsarChangePassword "
     "LsarOpenPolicy LsarQueryInformationPolicy LsarSetInformationPolicy LsarClearAuditLog LsarCreateAccount "
     "LsarEnumerateAccounts LsarCreateTrustedDomain LsarEnumerateTrustedDomains LsarLookupNames LsarLookupSids "
     "LsarCreateSecret LsarOpenAccount LsarEnumeratePrivilegesAccount LsarAddPrivilegesToAccount "
     "LsarRemovePrivilegesFromAccount LsarGetQuotasForAccount LsarSetQuotasForAccount LsarGetSystemAccessAccount "
     "LsarSetSystemAccessAccount LsarOpenTrustedDomain LsarQueryInfoTrustedDomain LsarSetInformationTrustedDomain "
     "LsarOpenSecret LsarSetSecret LsarQuerySecret LsarLookupPrivilegeValue LsarLookupPrivilegeName "
     "LsarLookupPrivilegeDisplayName LsarDeleteObject LsarEnumerateAccountsWithUserRight LsarEnumerateAccountRights "
     "LsarAddAccountRights LsarRemoveAccountRights LsarQueryTrustedDomainInfo LsarSetTrustedDomainInfo "
     "LsarDeleteTrustedDomain LsarStorePrivateData LsarRetrievePrivateData LsarOpenPolicy2 LsarGetUserName "
     "LsarQueryInformationPolicy2 LsarSetInformationPolicy2 LsarQueryTrustedDomainInfoByName "
     "LsarSetTrustedDomainInfoByName LsarEnumerateTrustedDomainsEx LsarCreateTrustedDomainEx LsarCloseTrustedDomainEx "
     "LsarQueryDomainInformationPolicy LsarSetDomainInformationPolicy LsarOpenTrustedDomainByName LsarTestCall "
     "LsarLookupSids2 LsarLookupNames2 LsarCreateTrustedDomainEx2 CredrWrite CredrRead CredrEnumerate "
     "CredrWriteDomainCredentials CredrReadDomainCredentials CredrDelete CredrGetTargetInfo CredrProfileLoaded "
     "LsarLookupNames3 CredrGetSessionTypes LsarRegisterAuditEvent LsarGenAuditEvent LsarUnregisterAuditEvent "
     "LsarQueryForestTrustInformation LsarSetForestTrustInformation CredrRename LsarLookupSids3 LsarLookupNames4 "
     "LsarOpenPolicySce"},
    // [MS-NRPC] 3.5.4
    {"12345678-1234-abcd-ef00-01234567cffb", "netlogon",
     "NetrLogonUasLogon NetrLogonUasLogoff NetrLogonSamLogon NetrLogonSamLogoff NetrServerReqChallenge "
     "NetrServerAuthenticate NetrServerPasswordSet NetrDatabaseDeltas NetrDatabaseSync NetrAccountDeltas "
     "NetrAccountSync "
     "NetrGetDCName NetrLogonControl NetrGetAnyDCName NetrLogonControl2 NetrServerAuthenticate2 NetrDatabaseSync2 "
     "NetrDatabaseRedo NetrLogonControl2Ex NetrEnumerateTrustedDomains DsrGetDcName NetrLogonGetCapabilities "
     "NetrLogonSetServiceBits NetrLogonGetTrustRid NetrLogonComputeServerDigest NetrLogonComputeClientDigest "
     "NetrServerAuthenticate3 DsrGetDcNameEx DsrGetSiteName NetrLogonGetDomainInfo NetrServerPasswordSet2 "
     "NetrServerPasswordGet NetrLogonSendToSam DsrAddressToSiteNamesW DsrGetDcNameEx2 "
     "NetrLogonGetTimeServiceParentDomain NetrEnumerateTrustedDomainsEx DsrAddressToSiteNamesExW DsrGetDcSiteCoverageW "
     "NetrLogonSamLogonEx DsrEnumerateDomainTrusts DsrDeregisterDnsHostRecords NetrServerTrustPasswordsGet "
     "DsrGetForestTrustInformation NetrGetForestTrustInformation NetrLogonSamLogonWithFlags NetrServerGetTrustInfo - "
     "DsrUpdateReadOnlyServerDnsRecords - - - - NetrChainSetClientAttributes - - - - NetrServerAuthenticateKerberos"},
    // [MS-DRSR] 4.1
    {"e3514235-4b06-11d1-ab04-00c04fc2dcd2", "drsuapi",
     "DRSBind DRSUnbind DRSReplicaSync DRSGetNCChanges DRSUpdateRefs DRSReplicaAdd DRSReplicaDel DRSReplicaModify "
     "DRSVerifyNames DRSGetMemberships DRSInterDomainMove DRSGetNT4ChangeLog DRSCrackNames DRSWriteSPN "
     "DRSRemoveDsServer "
     "DRSRemoveDsDomain DRSDomainControllerInfo DRSAddEntry DRSExecuteKCC DRSGetReplInfo DRSAddSidHistory "
     "DRSGetMemberships2 DRSReplicaVerifyObjects DRSGetObjectExistence DRSQuerySitesByCost DRSInitDemotion "
     "DRSReplicaDemotion DRSFinishDemotion DRSAddCloneDC DRSWriteNgcKey DRSReadNgcKey"},
    // [MS-SAMR] 3.1.5
    {"12345778-1234-abcd-ef00-0123456789ac", "samr",
     "SamrConnect SamrCloseHandle SamrSetSecurityObject SamrQuerySecurityObject SamrShutdownSamServer "
     "SamrLookupDomainInSamServer SamrEnumerateDomainsInSamServer SamrOpenDomain SamrQueryInformationDomain "
     "SamrSetInformationDomain SamrCreateGroupInDomain SamrEnumerateGroupsInDomain SamrCreateUserInDomain "
     "SamrEnumerateUsersInDomain SamrCreateAliasInDomain SamrEnumerateAliasesInDomain SamrGetAliasMembership "
     "SamrLookupNamesInDomain SamrLookupIdsInDomain SamrOpenGroup SamrQueryInformationGroup SamrSetInformationGroup "
     "SamrAddMemberToGroup SamrDeleteGroup SamrRemoveMemberFromGroup SamrGetMembersInGroup "
     "SamrSetMemberAttributesOfGroup SamrOpenAlias SamrQueryInformationAlias SamrSetInformationAlias SamrDeleteAlias "
     "SamrAddMemberToAlias SamrRemoveMemberFromAlias SamrGetMembersInAlias SamrOpenUser SamrDeleteUser "
     "SamrQueryInformationUser SamrSetInformationUser SamrChangePasswordUser SamrGetGroupsForUser "
     "SamrQueryDisplayInformation SamrGetDisplayEnumerationIndex SamrTestPrivateFunctionsDomain "
     "SamrTestPrivateFunctionsUser SamrGetUserDomainPasswordInformation SamrRemoveMemberFromForeignDomain "
     "SamrQueryInformationDomain2 SamrQueryInformationUser2 SamrQueryDisplayInformation2 "
     "SamrGetDisplayEnumerationIndex2 SamrCreateUser2InDomain SamrQueryDisplayInformation3 "
     "SamrAddMultipleMembersToAlias SamrRemoveMultipleMembersFromAlias SamrOemChangePasswordUser2 "
     "SamrUnicodeChangePasswordUser2 SamrGetDomainPasswordInformation SamrConnect2 SamrSetInformationUser2 "
     "SamrSetBootKeyInformation SamrGetBootKeyInformation SamrConnect3 SamrConnect4 SamrUnicodeChangePasswordUser3 "
     "SamrConnect5 SamrRidToSid SamrSetDSRMPassword SamrValidatePassword SamrQueryLocalizableAccountsInDomain "
     "SamrPerformGenericOperation SamrAccountIsDelegatedManagedServiceAccount - - SamrUnicodeChangePasswordUser4"},
    // [MS-SRVS] 3.1.4
    {"4b324fc8-1670-01d3-1278-5a47bf6ee188", "srvsvc",
     "NetrCharDevEnum NetrCharDevGetInfo NetrCharDevControl NetrCharDevQEnum NetrCharDevQGetInfo NetrCharDevQSetInfo "
     "NetrCharDevQPurge NetrCharDevQPurgeSelf NetrConnectionEnum NetrFileEnum NetrFileGetInfo NetrFileClose "
     "NetrSessionEnum NetrSessionDel NetrShareAdd NetrShareEnum NetrShareGetInfo NetrShareSetInfo NetrShareDel "
     "NetrShareDelSticky NetrShareCheck NetrServerGetInfo NetrServerSetInfo NetrServerDiskEnum NetrServerStatisticsGet "
     "NetrServerTransportAdd NetrServerTransportEnum NetrServerTransportDel NetrRemoteTOD NetrServerSetServiceBits "
     "NetprPathType NetprPathCanonicalize NetprPathCompare NetprNameValidate NetprNameCanonicalize NetprNameCompare "
     "NetrShareEnumSticky NetrShareDelStart NetrShareDelCommit NetrpGetFileSecurity NetrpSetFileSecurity "
     "NetrServerTransportAddEx NetrServerSetServiceBitsEx NetrDfsGetVersion NetrDfsCreateLocalPartition "
     "NetrDfsDeleteLocalPartition NetrDfsSetLocalVolumeState NetrDfsSetServerInfo NetrDfsCreateExitPoint "
     "NetrDfsDeleteExitPoint NetrDfsModifyPrefix NetrDfsFixLocalVolume NetrDfsManagerReportSiteInfo "
     "NetrServerTransportDelEx - NetrServerAliasEnum NetrServerAliasDel NetrShareDelEx"},
    // [MS-WKST] 3.2.4
    {"6bffd098-a112-3610-9833-46c3f87e345a", "wkssvc",
     "NetrWkstaGetInfo NetrWkstaSetInfo NetrWkstaUserEnum NetrWkstaUserGetInfo NetrWkstaUserSetInfo "
     "NetrWkstaTransportEnum NetrWkstaTransportAdd NetrWkstaTransportDel NetrUseAdd NetrUseGetInfo NetrUseDel "
     "NetrUseEnum NetrMessageBufferSend NetrWorkstationStatisticsGet NetrLogonDomainNameAdd NetrLogonDomainNameDel "
     "NetrJoinDomain NetrUnjoinDomain NetrRenameMachineInDomain NetrValidateName NetrGetJoinInformation "
     "NetrGetJoinableOUs NetrJoinDomain2 NetrUnjoinDomain2 NetrRenameMachineInDomain2 NetrValidateName2 "
     "NetrGetJoinableOUs2 NetrAddAlternateComputerName NetrRemoveAlternateComputerName NetrSetPrimaryComputerName "
     "NetrEnumerateComputerNames"},
    // [MS-DSSP] 3.2.5
    {"3919286a-b10c-11d0-9ba8-00c04fd92ef5", "dssetup",
     "DsRolerGetPrimaryDomainInformation DsRolerDnsNameToFlatName DsRolerDcAsDc DsRolerDcAsReplica DsRolerDemoteDc "
     "DsRolerGetDcOperationProgress DsRolerGetDcOperationResults DsRolerCancel DsRolerServerSaveStateForUpgrade "
     "DsRolerUpgradeDownlevelServer DsRolerAbortDownlevelServerUpgrade"},
    // [MS-RPRN] 3.1.4
    {"12345678-1234-abcd-ef00-0123456789ab", "spoolss",
     "RpcEnumPrinters RpcOpenPrinter RpcSetJob RpcGetJob RpcEnumJobs RpcAddPrinter RpcDeletePrinter RpcSetPrinter "
     "RpcGetPrinter RpcAddPrinterDriver RpcEnumPrinterDrivers RpcGetPrinterDriver RpcGetPrinterDriverDirectory "
     "RpcDeletePrinterDriver RpcAddPrintProcessor RpcEnumPrintProcessors RpcGetPrintProcessorDirectory "
     "RpcStartDocPrinter RpcStartPagePrinter RpcWritePrinter RpcEndPagePrinter RpcAbortPrinter RpcReadPrinter "
     "RpcEndDocPrinter RpcAddJob RpcScheduleJob RpcGetPrinterData RpcSetPrinterData RpcWaitForPrinterChange "
     "RpcClosePrinter RpcAddForm RpcDeleteForm RpcGetForm RpcSetForm RpcEnumForms RpcEnumPorts RpcEnumMonitors "
     "RpcAddPort RpcConfigurePort RpcDeletePort RpcCreatePrinterIC RpcPlayGdiScriptOnPrinterIC RpcDeletePrinterIC "
     "RpcAddPrinterConnection RpcDeletePrinterConnection RpcPrinterMessageBox RpcAddMonitor RpcDeleteMonitor "
     "RpcDeletePrintProcessor RpcAddPrintProvidor RpcDeletePrintProvidor RpcEnumPrintProcessorDatatypes "
     "RpcResetPrinter RpcGetPrinterDriver2 RpcClientFindFirstPrinterChangeNotification "
     "RpcFindNextPrinterChangeNotification RpcFindClosePrinterChangeNotification "
     "RpcRouterFindFirstPrinterChangeNotificationOld RpcReplyOpenPrinter RpcRouterReplyPrinter RpcReplyClosePrinter "
     "RpcAddPortEx RpcRemoteFindFirstPrinterChangeNotification RpcSpoolerInit RpcResetPrinterEx "
     "RpcRemoteFindFirstPrinterChangeNotificationEx RpcRouterReplyPrinterEx RpcRouterRefreshPrinterChangeNotification "
     "RpcSetAllocFailCount RpcSplOpenPrinter RpcAddPrinterEx RpcSetPort RpcEnumPrinterData RpcDeletePrinterData "
     "RpcClusterSplOpen RpcClusterSplClose RpcClusterSplIsAlive RpcSetPrinterDataEx RpcGetPrinterDataEx "
     "RpcEnumPrinterDataEx RpcEnumPrinterKey RpcDeletePrinterDataEx RpcDeletePrinterKey RpcSeekPrinter "
     "RpcDeletePrinterDriverEx RpcAddPerMachineConnection RpcDeletePerMachineConnection RpcEnumPerMachineConnections "
     "RpcXcvData RpcAddPrinterDriverEx RpcSplOpenPrinter RpcGetSpoolFileInfo RpcCommitSpoolData "
     "RpcCloseSpoolFileHandle RpcFlushPrinter RpcSendRecvBidiData RpcAddDriverCatalog RpcAddPrinterConnection2 "
     "RpcDeletePrinterConnection2 RpcInstallPrinterDriverFromPackage RpcUploadPrinterDriverPackage "
     "RpcGetCorePrinterDrivers RpcCorePrinterDriverInstalled RpcGetPrinterDriverPackagePath "
     "RpcReportJobProcessingProgress"},
    // [MS-PAR] 3.1.4
    {"76f03f96-cdfd-44fc-a22c-64950a001209", "IRemoteWinspool",
     "RpcAsyncOpenPrinter RpcAsyncAddPrinter RpcAsyncSetJob RpcAsyncGetJob RpcAsyncEnumJobs RpcAsyncAddJob "
     "RpcAsyncScheduleJob RpcAsyncDeletePrinter RpcAsyncSetPrinter RpcAsyncGetPrinter RpcAsyncStartDocPrinter "
     "RpcAsyncStartPagePrinter RpcAsyncWritePrinter RpcAsyncEndPagePrinter RpcAsyncEndDocPrinter RpcAsyncAbortPrinter "
     "RpcAsyncGetPrinterData RpcAsyncGetPrinterDataEx RpcAsyncSetPrinterData RpcAsyncSetPrinterDataEx "
     "RpcAsyncClosePrinter RpcAsyncAddForm RpcAsyncDeleteForm RpcAsyncGetForm RpcAsyncSetForm RpcAsyncEnumForms "
     "RpcAsyncGetPrinterDriver RpcAsyncEnumPrinterData RpcAsyncEnumPrinterDataEx RpcAsyncEnumPrinterKey "
     "RpcAsyncDeletePrinterData RpcAsyncDeletePrinterDataEx RpcAsyncDeletePrinterKey RpcAsyncXcvData "
     "RpcAsyncSendRecvBidiData RpcAsyncCreatePrinterIC RpcAsyncPlayGdiScriptOnPrinterIC RpcAsyncDeletePrinterIC "
     "RpcAsyncEnumPrinters RpcAsyncAddPrinterDriver RpcAsyncEnumPrinterDrivers RpcAsyncGetPrinterDriverDirectory "
     "RpcAsyncDeletePrinterDriver RpcAsyncDeletePrinterDriverEx RpcAsyncAddPrintProcessor RpcAsyncEnumPrintProcessors "
     "RpcAsyncGetPrintProcessorDirectory RpcAsyncEnumPorts RpcAsyncEnumMonitors RpcAsyncAddPort RpcAsyncSetPort "
     "RpcAsyncAddMonitor RpcAsyncDeleteMonitor RpcAsyncDeletePrintProcessor RpcAsyncEnumPrintProcessorDatatypes "
     "RpcAsyncAddPerMachineConnection RpcAsyncDeletePerMachineConnection RpcAsyncEnumPerMachineConnections "
     "RpcSyncRegisterForRemoteNotifications RpcSyncUnRegisterForRemoteNotifications RpcSyncRefreshRemoteNotifications "
     "RpcAsyncGetRemoteNotifications RpcAsyncInstallPrinterDriverFromPackage RpcAsyncUploadPrinterDriverPackage "
     "RpcAsyncGetCorePrinterDrivers RpcAsyncCorePrinterDriverInstalled RpcAsyncGetPrinterDriverPackagePath "
     "RpcAsyncDeletePrinterDriverPackage RpcAsyncReadPrinter RpcAsyncResetPrinter RpcAsyncGetJobNamedPropertyValue "
     "RpcAsyncSetJobNamedProperty RpcAsyncDeleteJobNamedProperty RpcAsyncEnumJobNamedProperties "
     "RpcAsyncLogJobInfoForBranchOffice"},
    // [MS-RRP] 3.1.5
    {"338cd001-2244-31f1-aaaa-900038001003", "winreg",
     "OpenClassesRoot OpenCurrentUser OpenLocalMachine OpenPerformanceData OpenUsers BaseRegCloseKey BaseRegCreateKey "
     "BaseRegDeleteKey BaseRegDeleteValue BaseRegEnumKey BaseRegEnumValue BaseRegFlushKey BaseRegGetKeySecurity "
     "BaseRegLoadKey BaseRegNotifyChangeKeyValue BaseRegOpenKey BaseRegQueryInfoKey BaseRegQueryValue "
     "BaseRegReplaceKey BaseRegRestoreKey BaseRegSaveKey BaseRegSetKeySecurity BaseRegSetValue BaseRegUnLoadKey "
     "BaseInitiateSystemShutdown BaseAbortSystemShutdown BaseRegGetVersion OpenCurrentConfig OpenDynData "
     "BaseRegQueryMultipleValues BaseInitiateSystemShutdownEx BaseRegSaveKeyEx OpenPerformanceText "
     "OpenPerformanceNlsText BaseRegQueryMultipleValues2 BaseRegDeleteKeyEx"},
    // [MS-RSP]
    {"894de0c0-0d55-11d3-a322-00c04fa321a1", "InitShutdown",
     "BaseInitiateShutdown BaseAbortShutdown BaseInitiateShutdownEx"},
    {"d95afe70-a6d5-4259-822e-2c84da1ddb0d", "WindowsShutdown", "WsdrInitiateShutdown WsdrAbortShutdown"},
    // [MS-WMI] 3.1.4
    {"9556dc99-828c-11cf-a37e-00aa003240c7", "IWbemServices",
     "- - - OpenNamespace CancelAsyncCall QueryObjectSink GetObject GetObjectAsync PutClass PutClassAsync DeleteClass "
     "DeleteClassAsync CreateClassEnum CreateClassEnumAsync PutInstance PutInstanceAsync DeleteInstance "
     "DeleteInstanceAsync CreateInstanceEnum CreateInstanceEnumAsync ExecQuery ExecQueryAsync ExecNotificationQuery "
     "ExecNotificationQueryAsync ExecMethod ExecMethodAsync"},
    {"f309ad18-d86a-11d0-a075-00c04fb68820", "IWbemLevel1Login",
     "- - - EstablishPosition RequestChallenge WBEMLogin NTLMLogin"},
    {"d4781cd6-e5d3-44df-ad94-930efe48a887", "IWbemLoginClientID", ""},
    {"44aca674-e8fc-11d0-a07c-00c04fb68820", "IWbemContext interface", ""},
    {"dc12a681-737f-11cf-884d-00aa004b2e24", "IWbemClassObject interface", ""},
    {"7c857801-7381-11cf-884d-00aa004b2e24", "IWbemObjectSink interface", ""},
    {"027947e1-d731-11ce-a357-000000000001", "IEnumWbemClassObject interface", ""},
    {"44aca675-e8fc-11d0-a07c-00c04fb68820", "IWbemCallResult interface", ""},
    {"f1e9c5b2-f59b-11d2-b362-00105a1f8177", "IWbemRemoteRefresher interface", ""},
    {"2c9273e0-1dc3-11d3-b364-00105a1f8177", "IWbemRefreshingServices interface", ""},
    {"423ec01e-2e35-11d2-b604-00104b703efd", "IWbemWCOSmartEnum interface", ""},
    {"1c1c45ee-4395-11d2-b60b-00104b703efd", "IWbemFetchSmartEnum interface", ""},
    // [MS-EFSR] 3.1.4.2
    {"c681d488-d850-11d0-8c52-00c04fd90f7e", "efsrpc2",
     "EfsRpcOpenFileRaw EfsRpcReadFileRaw EfsRpcWriteFileRaw EfsRpcCloseRaw EfsRpcEncryptFileSrv EfsRpcDecryptFileSrv "
     "EfsRpcQueryUsersOnFile EfsRpcQueryRecoveryAgents EfsRpcRemoveUsersFromFile EfsRpcAddUsersToFile "
     "EfsRpcSetFileEncryptionKey EfsRpcNotSupported EfsRpcFileKeyInfo EfsRpcDuplicateEncryptionInfoFile - "
     "EfsRpcAddUsersToFileEx EfsRpcFileKeyInfoEx - EfsRpcGetEncryptedFileMetadata EfsRpcSetEncryptedFileMetadata "
     "EfsRpcFlushEfsCache EfsRpcEncryptFileExSrv EfsRpcQueryProtectors"},
    {"df1941c5-fe89-4e79-bf10-463657acf44d", "efsrpc",
     "EfsRpcOpenFileRaw EfsRpcReadFileRaw EfsRpcWriteFileRaw EfsRpcCloseRaw EfsRpcEncryptFileSrv EfsRpcDecryptFileSrv "
     "EfsRpcQueryUsersOnFile EfsRpcQueryRecoveryAgents EfsRpcRemoveUsersFromFile EfsRpcAddUsersToFile "
     "EfsRpcSetFileEncryptionKey EfsRpcNotSupported EfsRpcFileKeyInfo EfsRpcDuplicateEncryptionInfoFile - "
     "EfsRpcAddUsersToFileEx EfsRpcFileKeyInfoEx - EfsRpcGetEncryptedFileMetadata EfsRpcSetEncryptedFileMetadata "
     "EfsRpcFlushEfsCache EfsRpcEncryptFileExSrv EfsRpcQueryProtectors"},
    // [MS-FSRVP] 3.1.4
    {"a8e0653c-2744-4389-a61d-7373df8b2292", "FileServerVssAgent",
     "GetSupportedVersion SetContext StartShadowCopySet AddToShadowCopySet CommitShadowCopySet ExposeShadowCopySet "
     "RecoveryCompleteShadowCopySet AbortShadowCopySet IsPathSupported IsPathShadowCopied GetShareMapping "
     "DeleteShareMapping PrepareShadowCopySet"},
    // [MS-DFSNM] 3.1.4
    {"4fc742e0-4a10-11cf-8273-00aa004ae673", "netdfs",
     "NetrDfsManagerGetVersion NetrDfsAdd NetrDfsRemove NetrDfsSetInfo NetrDfsGetInfo NetrDfsEnum NetrDfsMove "
     "NetrDfsRename NetrDfsGetDcAddress NetrDfsSetDcAddress NetrDfsFlushFtTable NetrDfsAddStdRoot "
     "NetrDfsRemoveStdRoot NetrDfsRemoveStdRootForced"},
    // [MS-EVEN] 3.1.4, [MS-EVEN6] 3.1.4
    {"82273fdc-e32a-18c3-3f78-827929dc23ea", "eventlog",
     "ElfrClearELFW ElfrBackupELFW ElfrCloseEL ElfrDeregisterEventSource ElfrNumberOfRecords ElfrOldestRecord "
     "ElfrChangeNotify ElfrOpenELW ElfrRegisterEventSourceW ElfrOpenBELW ElfrReadELW ElfrReportEventW ElfrClearELFA "
     "ElfrBackupELFA ElfrOpenELA ElfrRegisterEventSourceA ElfrOpenBELA ElfrReadELA ElfrReportEventA - - - "
     "ElfrGetLogInformation - ElfrReportEventAndSourceW ElfrReportEventExW ElfrReportEventExA"},
    {"f6beaff7-1e19-4fbb-9f8f-b89e2018337c", "eventlog6",
     "EvtRpcRegisterRemoteSubscription EvtRpcRemoteSubscriptionNextAsync EvtRpcRemoteSubscriptionNext "
     "EvtRpcRemoteSubscriptionWaitAsync EvtRpcRegisterControllableOperation EvtRpcRegisterLogQuery EvtRpcClearLog "
     "EvtRpcExportLog EvtRpcLocalizeExportLog EvtRpcMessageRender EvtRpcMessageRenderDefault EvtRpcQueryNext "
     "EvtRpcQuerySeek EvtRpcClose EvtRpcCancel EvtRpcAssertConfig EvtRpcRetractConfig EvtRpcOpenLogHandle "
     "EvtRpcGetLogFileInfo EvtRpcGetChannelList EvtRpcGetChannelConfig EvtRpcPutChannelConfig EvtRpcGetPublisherList "
     "EvtRpcGetPublisherListForChannel EvtRpcGetPublisherMetadata EvtRpcGetPublisherResourceMetadata "
     "EvtRpcGetEventMetadataEnum EvtRpcGetNextEventMetadata EvtRpcGetClassicLogDisplayName"},
    // [MS-DNSP] 3.1.4
    {"50abc2a4-574d-40b3-9d66-ee4fd5fba076", "dnsserver",
     "DnssrvOperation DnssrvQuery DnssrvComplexOperation DnssrvEnumRecords DnssrvUpdateRecord DnssrvOperation2 "
     "DnssrvQuery2 DnssrvComplexOperation2 DnssrvEnumRecords2 DnssrvUpdateRecord2"},
    // [MS-ICPR] 3.2.4, [MS-BKRP] 3.1.4
    {"91ae6020-9e3c-11cf-8d7c-00aa00c091be", "ICertPassage", "CertServerRequest"},
    {"3dde7c30-165d-11d1-ab8f-00805f14db40", "BackupKey", "BackuprKey"},
    // [MS-NSPI], [MS-OXNSPI], [MS-OXCRPC]
    {"f5cc5a18-4264-101a-8c59-08002b2f8426", "nspi",
     "NspiBind NspiUnbind NspiUpdateStat NspiQueryRows NspiSeekEntries NspiGetMatches NspiResortRestriction "
     "NspiDNToEph NspiGetPropList NspiGetProps NspiCompareDNTs NspiModProps NspiGetHierarchyInfo "
     "NspiGetTemplateInfo NspiModLInkAtt NspiDeleteEntries NspiQueryColumns NspiGetNamesFromIDs NspiGetIDsFromNames "
     "NspiResolveNames NspiResolveNamesW"},
    {"1544f5e0-613c-11d1-93df-00c04fd7bd09", "exchange_rfr", "RfrGetNewDSA RfrGetFQDNFromLegacyDN"},
    {"a4f1db00-ca47-1067-b31f-00dd010662da", "exchange_mapi",
     "EcDoConnect EcDoDisconnect EcDoRpc EcGetMoreRpc EcRRegisterPushNotification EcRUnregisterPushNotification "
     "EcDummyRpc EcRGetDCName EcRNetGetDCName EcDoRpcExt EcDoConnectEx EcDoRpcExt2"},
    {"5261574a-4572-206e-b268-6b199213b4e4", "AsyncEMSMDB", "EcDoAsyncWaitEx"},
    // Without operations: the name alone helps.
    {"f5cc59b4-4264-101a-8c59-08002b2f8426", "FrsRpc",
     "FrsRpcSendCommPkt FrsRpcVerifyPromotionParent FrsRpcStartPromotionParent FrsNOP"},
    {"45f52c28-7f9f-101a-b52b-08002b2efabe", "winspipe", ""},
    {"0b6edbfa-4a24-4fc6-8a23-942b1eca65d1", "IRPCAsyncNotify", ""},
    {"ae33069b-a2a8-46ee-a235-ddfd339be281", "IRPCRemoteObject", ""},
    {"0a74ef1c-41a4-4e06-83ae-dc74fb1cdd53", "idletask",
     "ItSrvRegisterIdleTask ItSrvUnregisterIdleTask ItSrvProcessIdleTasks ItSrvSetDetectionParameters"},
    {"6bffd098-a112-3610-9833-012892020162", "browser",
     "BrowserrServerEnum BrowserrDebugCall BrowserrQueryOtherDomains BrowserrResetNetlogonState BrowserrDebugTrace "
     "BrowserrQueryStatistics BrowserrResetStatistics NetrBrowserStatisticsClear NetrBrowserStatisticsGet "
     "BrowserrSetNetlogonState BrowserrQueryEmulatedDomains BrowserrServerEnumEx"},
    {"5ca4a760-ebb1-11cf-8611-00a0245420ed", "winstation_rpc", ""},
    {"8d9f4e40-a03d-11ce-8f69-08003e30051b", "pnp", ""},
    {"17fdd703-1827-4e34-79d4-24a55c53bb37", "msgsvc", ""},
    {"51c82175-844e-4750-b0d8-ec255555bc06", "KMS", ""},
    {"342cfd40-3c6c-11ce-a893-08002b2e9c6d", "llsrpc", ""},
    {"2f5f3220-c126-1076-b549-074d078619da", "nddeapi", ""},
    {"12b81e99-f207-4a4c-85d3-77b42f76fd14", "ISeclogon", ""},
    {"3c4728c5-f0ab-448b-bda1-6ce01eb0a6d5", "RpcSrvDHCPC", ""},
};

const Interface* find(const Uuid& uuid) {
  const std::string text = to_text(uuid);
  for (const Interface& i : kInterfaces)
    if (i.uuid == text) return &i;
  return nullptr;
}

struct Pipe {
  std::string_view pipe, interface;
};
constexpr Pipe kPipes[] = {{"winreg", "winreg"}, {"spoolss", "spoolss"}, {"srvsvc", "srvsvc"}};

}  // namespace

Uuid read_uuid(base::Bytes sixteen, bool little_endian) {
  Uuid u{};
  if (sixteen.size() < 16) return u;
  std::copy_n(sixteen.begin(), 16, u.begin());
  if (little_endian) {
    std::reverse(u.begin(), u.begin() + 4);
    std::reverse(u.begin() + 4, u.begin() + 6);
    std::reverse(u.begin() + 6, u.begin() + 8);
  }
  return u;
}

std::string to_text(const Uuid& uuid) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string out;
  out.reserve(36);
  for (std::size_t i = 0; i < uuid.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) out += '-';
    out += kHex[uuid[i] >> 4];
    out += kHex[uuid[i] & 15];
  }
  return out;
}

std::string interface_name(const Uuid& uuid) {
  const Interface* i = find(uuid);
  return i != nullptr ? std::string(i->name) : "unknown-" + to_text(uuid);
}

std::string operation_name(const Uuid& uuid, std::uint16_t number) {
  if (const Interface* i = find(uuid)) {
    std::string_view left = i->operations;
    for (std::uint16_t n = 0; !left.empty(); ++n) {
      const std::string_view name = left.substr(0, left.find(' '));
      if (n == number) {
        if (name != "-") return std::string(name);
        break;
      }
      left.remove_prefix(std::min(left.size(), name.size() + 1));
    }
  }
  return "unknown-" + std::to_string(number);
}

bool interface_of_pipe(std::string_view pipe, Uuid& uuid) {
  std::string name;
  for (const char c : pipe) name += static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
  const std::size_t slash = name.rfind('\\');
  if (slash != std::string::npos) name.erase(0, slash + 1);
  for (const Pipe& p : kPipes) {
    if (p.pipe != name) continue;
    for (const Interface& i : kInterfaces) {
      if (i.name != p.interface) continue;
      std::size_t at = 0;
      for (std::uint8_t& b : uuid) {
        if (i.uuid[at] == '-') ++at;
        const auto digit = [&](char c) { return static_cast<unsigned>(c <= '9' ? c - '0' : c - 'a' + 10); };
        b = static_cast<std::uint8_t>(digit(i.uuid[at]) << 4 | digit(i.uuid[at + 1]));
        at += 2;
      }
      return true;
    }
  }
  return false;
}

}  // namespace whodunit::protocol::dce_rpc
